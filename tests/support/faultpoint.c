/* A fault point for every library of a process, loaded with LD_PRELOAD.

   Counts the operations that change files below a root: opening for writing, making, writing,
   cutting, syncing, renaming, removing. At the Nth it kills the process (SIGKILL), or tears a
   write in two and kills it then, or lets the operation fail, once or from then on.

   FAULT_ROOT   folder whose files count; without it nothing happens
   FAULT_AT     N, from 1; 0 or unset: count only
   FAULT_DO     "kill", "tear", "once" or "on" (fail once, or from then on)
   FAULT_ERRNO  the error's number for the last two
   FAULT_FREE   bytes that are said to be free; unset: the truth
   FAULT_LOG    file that gets one line an operation: its kind, a space, the path

   What the C library writes out of its own buffers (fwrite) is not seen. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char root[PATH_MAX];
static size_t root_length;
static long at, count, free_bytes = -1;
static int error, log_to = -1;
static char mode; /* first letter of FAULT_DO but for "on": '+' */

void faultpoint_arm(const char *new_root, long new_at, const char *what, int number,
                    long new_free_bytes, const char *log)
{
    snprintf(root, sizeof root, "%s", new_root ? new_root : "");
    root_length = strlen(root);
    at = new_at;
    count = 0;
    free_bytes = new_free_bytes;
    error = number;
    mode = !what ? 'k' : strcmp(what, "on") == 0 ? '+' : what[0];
    log_to = log && *log ? REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *n = getenv("FAULT_AT"), *number = getenv("FAULT_ERRNO");
    const char *bytes = getenv("FAULT_FREE");
    if (getenv("FAULT_ROOT"))
        faultpoint_arm(getenv("FAULT_ROOT"), n ? atol(n) : 0, getenv("FAULT_DO"),
                       number ? atoi(number) : 0, bytes ? atol(bytes) : -1, getenv("FAULT_LOG"));
}

static int below(const char *path)
{
    return root_length && strncmp(path, root, root_length) == 0 &&
           (path[root_length] == '/' || path[root_length] == '\0');
}

static void path_of(int descriptor, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
}

static void path_at(int folder, const char *name, char *path)
{
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    if (folder == AT_FDCWD) {
        if (!getcwd(path, PATH_MAX))
            path[0] = '\0';
    } else
        path_of(folder, path);
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%s", name);
}

/* Whether this operation is to fail (errno is set); 2: a write is to be torn first. */
static int strikes(const char *kind, const char *path)
{
    if (!below(path))
        return 0;
    long n = __sync_add_and_fetch(&count, 1);
    if (log_to >= 0)
        dprintf(log_to, "%s %s\n", kind, path);
    if (!at || n < at || (n > at && mode != '+'))
        return 0;
    if (mode == 't' && strstr(kind, "write"))
        return 2;
    if (mode == 'k' || mode == 't')
        kill(getpid(), SIGKILL);
    if (strcmp(kind, "remove") == 0 && error == ENOSPC)
        return 0; /* a full disk lets go of what it has */
    errno = error;
    return 1;
}

static int strikes_fd(const char *kind, int descriptor)
{
    char path[PATH_MAX];
    if (!root_length)
        return 0;
    int before = errno;
    path_of(descriptor, path);
    errno = before;
    return strikes(kind, path);
}

static int strikes_at(const char *kind, int folder, const char *name)
{
    char path[PATH_MAX];
    if (!root_length || !name)
        return 0;
    path_at(folder, name, path);
    return strikes(kind, path);
}

#define WRITES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))

#define OPEN(name)                                                                             \
    int name(const char *path, int flags, ...)                                                 \
    {                                                                                          \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        mode_t mode = va_arg(rest, mode_t);                                                    \
        va_end(rest);                                                                          \
        if (WRITES(flags) && strikes_at("open", AT_FDCWD, path))                               \
            return -1;                                                                         \
        return REAL(name)(path, flags, mode);                                                  \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                           \
    int name(int folder, const char *path, int flags, ...)                                     \
    {                                                                                          \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        mode_t mode = va_arg(rest, mode_t);                                                    \
        va_end(rest);                                                                          \
        if (WRITES(flags) && strikes_at("open", folder, path))                                 \
            return -1;                                                                         \
        return REAL(name)(folder, path, flags, mode);                                          \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                            \
    FILE *name(const char *path, const char *how)                                              \
    {                                                                                          \
        if (strpbrk(how, "wa+") && strikes_at("open", AT_FDCWD, path))                         \
            return NULL;                                                                       \
        return REAL(name)(path, how);                                                          \
    }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int descriptor, const void *data, size_t size)
{
    int struck = strikes_fd("write", descriptor);
    if (struck == 2) {
        (void)!REAL(write)(descriptor, data, size / 2);
        kill(getpid(), SIGKILL);
    }
    return struck ? -1 : REAL(write)(descriptor, data, size);
}

#define PWRITE(name, offset_t)                                                                 \
    ssize_t name(int descriptor, const void *data, size_t size, offset_t offset)               \
    {                                                                                          \
        int struck = strikes_fd("pwrite", descriptor);                                         \
        if (struck == 2) {                                                                     \
            (void)!REAL(name)(descriptor, data, size / 2, offset);                             \
            kill(getpid(), SIGKILL);                                                           \
        }                                                                                      \
        return struck ? -1 : REAL(name)(descriptor, data, size, offset);                       \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int descriptor, const struct iovec *parts, int number)
{
    int struck = strikes_fd("writev", descriptor);
    if (struck == 2) {
        (void)!REAL(writev)(descriptor, parts, number / 2);
        kill(getpid(), SIGKILL);
    }
    return struck ? -1 : REAL(writev)(descriptor, parts, number);
}

#define SENDFILE(name, offset_t)                                                               \
    ssize_t name(int to, int from, offset_t *offset, size_t size)                              \
    {                                                                                          \
        int struck = strikes_fd("write", to);                                                  \
        if (struck == 2) {                                                                     \
            (void)!REAL(name)(to, from, offset, size / 2);                                     \
            kill(getpid(), SIGKILL);                                                           \
        }                                                                                      \
        return struck ? -1 : REAL(name)(to, from, offset, size);                               \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size,
                        unsigned flags)
{
    int struck = strikes_fd("write", to);
    if (struck == 2) {
        (void)!REAL(copy_file_range)(from, from_at, to, to_at, size / 2, flags);
        kill(getpid(), SIGKILL);
    }
    return struck ? -1 : REAL(copy_file_range)(from, from_at, to, to_at, size, flags);
}

#define ON_FD(name, kind, parameters, ...)                                                     \
    int name parameters                                                                        \
    {                                                                                          \
        return strikes_fd(kind, descriptor) ? -1 : REAL(name)(__VA_ARGS__);                    \
    }
ON_FD(fsync, "fsync", (int descriptor), descriptor)
ON_FD(fdatasync, "fsync", (int descriptor), descriptor)
ON_FD(ftruncate, "truncate", (int descriptor, off_t size), descriptor, size)
ON_FD(ftruncate64, "truncate", (int descriptor, off64_t size), descriptor, size)

#define ON_PATH(name, kind, folder, path, parameters, ...)                                     \
    int name parameters                                                                        \
    {                                                                                          \
        return strikes_at(kind, folder, path) ? -1 : REAL(name)(__VA_ARGS__);                  \
    }
ON_PATH(mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), path, mode)
ON_PATH(mkdirat, "mkdir", folder, path, (int folder, const char *path, mode_t mode), folder,
        path, mode)
ON_PATH(rename, "rename", AT_FDCWD, new, (const char *old, const char *new), old, new)
ON_PATH(renameat, "rename", to, new, (int from, const char *old, int to, const char *new), from,
        old, to, new)
ON_PATH(renameat2, "rename", to, new,
        (int from, const char *old, int to, const char *new, unsigned flags), from, old, to, new,
        flags)
ON_PATH(unlink, "remove", AT_FDCWD, path, (const char *path), path)
ON_PATH(unlinkat, "remove", folder, path, (int folder, const char *path, int flags), folder,
        path, flags)
ON_PATH(rmdir, "remove", AT_FDCWD, path, (const char *path), path)

#define STATVFS(name)                                                                          \
    int name(const char *path, struct name *found)                                             \
    {                                                                                          \
        int failed = REAL(name)(path, found);                                                  \
        if (!failed && free_bytes >= 0 && below(path))                                         \
            found->f_bavail = free_bytes / found->f_frsize;                                    \
        return failed;                                                                         \
    }
STATVFS(statvfs)
STATVFS(statvfs64)
