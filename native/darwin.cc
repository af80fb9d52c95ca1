// The accept queue on macOS, which has no socket option for it (SO_LISTENQLEN is FreeBSD's): the
// process asks about its own descriptor with proc_pidfdinfo() (libproc.h; bsd/kern/socket_info.c).
// Written from xnu's sources and compiled only by the macOS jobs of the public CI.

#include <libproc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "socket.h"

int GetAcceptQueue(Socket socket, AcceptQueue& queue) {
  socket_fdinfo info = {};
  const int size =
      proc_pidfdinfo(getpid(), socket, PROC_PIDFDSOCKETINFO, &info, static_cast<int>(sizeof info));
  if (size < static_cast<int>(sizeof info)) return errno == 0 ? -EIO : -errno;
  if ((info.psi.soi_options & SO_ACCEPTCONN) == 0) return -EINVAL;
  queue.length = info.psi.soi_qlen;
  queue.limit = info.psi.soi_qlimit;
  return 0;
}
