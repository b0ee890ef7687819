#!/bin/sh
# Make a Prefect server ready for Sightline: work pools, deployments, automations and limits.
# It may run again at any time: a pool that is there is left as it is, for somebody may have
# changed it. `prefect work-pool update NAME --base-job-template FILE` renews one.
#
# Usage: deploy/setup.sh [process|docker|kubernetes]    with PREFECT_API_URL set
set -eu
cd "$(dirname "$0")/.."

kind=${1:-process}
export PREFECT_CLI_PROMPT=false

# First, for these say in one sentence what is wrong with the file or the server.
sightline ops check prefect.yaml
sightline ops install

for device in cpu gpu; do
    prefect work-pool inspect "$device" >/dev/null 2>&1 ||
        prefect work-pool create "$device" --type "$kind" \
            --base-job-template "deploy/pools/$kind-$device.json"
done

prefect deploy --all
