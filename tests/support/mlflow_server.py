"""MLflow's own server on loopback, as a program: its arguments are a folder and a port.

`mlflow server` would start workers of jobs beside it, which need more packages.
"""

import os
import sys
from pathlib import Path

from werkzeug.serving import make_server

if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder / 'mlflow.db'}"
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlflow-artifacts:/"
    os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = str(folder / "artifacts")
    os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
    from mlflow.server import app

    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
