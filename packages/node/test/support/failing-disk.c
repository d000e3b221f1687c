/*
 * A node that preloads this library has writes or syncs that fail. The environment variable MILLRACE_FAULTS
 * names a file. Its text "ERRNO CALLS PART", for example "5 write,sync /events-0/", says which calls fail: a
 * call fails with ERRNO if CALLS names it and the path of its file contains PART. Without the file, every
 * call works.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(const char *call, int descriptor) {
  const char *faults = getenv("MILLRACE_FAULTS");
  if (faults == NULL) return 0;
  int control = syscall(SYS_openat, AT_FDCWD, faults, O_RDONLY | O_CLOEXEC);
  if (control < 0) return 0;
  char text[512];
  ssize_t size = syscall(SYS_read, control, text, sizeof text - 1);
  syscall(SYS_close, control);
  if (size <= 0) return 0;
  text[size] = 0;
  int code;
  char calls[64], part[256], link[64], path[1024];
  if (sscanf(text, "%d %63s %255s", &code, calls, part) != 3 || strstr(calls, call) == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (strstr(path, part) == NULL) return 0;
  errno = code;
  return 1;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t position) {
  if (fails("write", descriptor)) return -1;
  return syscall(SYS_pwrite64, descriptor, bytes, size, position);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t position) {
  return pwrite64(descriptor, bytes, size, position);
}

ssize_t pwritev64(int descriptor, const struct iovec *chunks, int count, off64_t position) {
  if (fails("write", descriptor)) return -1;
  return syscall(SYS_pwritev, descriptor, chunks, count, position, 0);
}

ssize_t pwritev(int descriptor, const struct iovec *chunks, int count, off_t position) {
  return pwritev64(descriptor, chunks, count, position);
}

int fdatasync(int descriptor) {
  if (fails("sync", descriptor)) return -1;
  return syscall(SYS_fdatasync, descriptor);
}

int fsync(int descriptor) {
  if (fails("sync", descriptor)) return -1;
  return syscall(SYS_fsync, descriptor);
}
