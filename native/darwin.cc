// macOS: accept(), the peer's state, and the accept queue, for which it has no socket option
// (SO_LISTENQLEN is FreeBSD's): the process asks about its own descriptor with proc_pidfdinfo()
// (libproc.h; bsd/kern/socket_info.c). Written from xnu's sources and compiled only by the macOS
// jobs of the public CI.

#include <libproc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "posix.h"
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

int Accept(Socket listener) { return Ours(accept(listener, nullptr, nullptr)); }

int ConnectionState(Socket socket) {
  tcp_connection_info info = {};
  socklen_t length = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &length) == -1) return -errno;
  return info.tcpi_state;
}

int PeerState(Socket socket) {
  int available = 0;
  if (ioctl(socket, FIONREAD, &available) == -1) return -errno;
  int state = available > 0 ? kHasData : 0;
  // A Unix socket has no such state: it counts as open. netinet/tcp_fsm.h: TCPS_CLOSED 0,
  // TCPS_CLOSE_WAIT 5.
  const int tcp = ConnectionState(socket);
  if (tcp == 0) state |= kPeerReset;
  if (tcp == 5) state |= kPeerEnded;
  return state;
}

int Borrow(int /*pid*/, int /*descriptor*/) { return -ENOTSUP; }
