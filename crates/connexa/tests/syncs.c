/* Loaded before the C library: notes each sync and the file that it is of, and lets one of them fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int syncs;

static int noted(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    char link[64], path[4096], line[4200];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    int number = __sync_add_and_fetch(&syncs, 1);
    const char *fails = getenv("SYNCS_FAIL_AT");
    int failed = fails && atoi(fails) == number;
    int log = open(getenv("SYNCS_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int bytes = snprintf(line, sizeof line, "%s %s\n", failed ? "failed" : "synced", path);
    if (log < 0 || write(log, line, bytes) != bytes) abort();
    close(log);
    if (failed) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd) { return noted(fd, "fsync"); }
int fdatasync(int fd) { return noted(fd, "fdatasync"); }
