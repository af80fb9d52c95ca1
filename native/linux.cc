// Linux: accept4(), what poll(2) says of a peer, and the accept queue, which TCP tells through
// TCP_INFO and a Unix socket only through sock_diag(7).

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "socket.h"

namespace {

// include/net/tcp_states.h
constexpr int kTcpListen = 10;

int GetTcpInfo(Socket socket, tcp_info& info) {
  socklen_t length = sizeof info;
  return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == -1 ? -errno : 0;
}

int TcpQueue(Socket socket, AcceptQueue& queue) {
  tcp_info info = {};
  const int error = GetTcpInfo(socket, info);
  if (error < 0) return error;
  if (info.tcpi_state != kTcpListen) return -EINVAL;
  // tcp_get_info() in net/ipv4/tcp.c fills these two for a listener.
  queue.length = static_cast<int>(info.tcpi_unacked);
  queue.limit = static_cast<int>(info.tcpi_sacked);
  return 0;
}

// The inode that sock_diag asks for, from "socket:[4026]". By hand, since fstat(), strtoul() and
// snprintf() carry glibc versions (2.33, 2.38) or checked variants that musl lacks.
unsigned InodeOf(Socket socket) {
  char path[32] = "/proc/self/fd/";
  size_t at = strlen(path);
  int divisor = 1;
  while (socket / divisor >= 10) divisor *= 10;
  for (; divisor > 0; divisor /= 10) path[at++] = static_cast<char>('0' + socket / divisor % 10);
  char link[64] = {};
  if (readlink(path, link, sizeof link - 1) == -1) return 0;
  const char* digits = strchr(link, '[');
  unsigned inode = 0;
  while (digits != nullptr && *++digits >= '0' && *digits <= '9') {
    inode = inode * 10 + static_cast<unsigned>(*digits - '0');
  }
  return inode;
}

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

int ReadAnswer(int netlink, AcceptQueue& queue) {
  alignas(nlmsghdr) char answer[1024];
  const ssize_t received = recv(netlink, answer, sizeof answer, 0);
  if (received == -1) return -errno;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (!NLMSG_OK(header, static_cast<size_t>(received))) return -EPROTO;
  if (header->nlmsg_type == NLMSG_ERROR) {
    return reinterpret_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
  }
  const auto* message = reinterpret_cast<const unix_diag_msg*>(NLMSG_DATA(header));
  if (message->udiag_state != kTcpListen) return -EINVAL;
  const auto* end = answer + header->nlmsg_len;
  const auto* at = reinterpret_cast<const char*>(message + 1);
  while (at + sizeof(nlattr) <= end) {
    const auto* attribute = reinterpret_cast<const nlattr*>(at);
    if (attribute->nla_len < sizeof(nlattr)) break;
    if (attribute->nla_type == UNIX_DIAG_RQLEN) {
      unix_diag_rqlen lengths;
      memcpy(&lengths, attribute + 1, sizeof lengths);
      queue.length = static_cast<int>(lengths.udiag_rqueue);
      queue.limit = static_cast<int>(lengths.udiag_wqueue);
      return 0;
    }
    at += NLA_ALIGN(attribute->nla_len);
  }
  return -EPROTO;
}

int UnixQueue(Socket socket, AcceptQueue& queue) {
  Request request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_ino = InodeOf(socket);
  request.body.udiag_show = UDIAG_SHOW_RQLEN;
  request.body.udiag_cookie[0] = request.body.udiag_cookie[1] = ~0U;  // any: the inode is enough
  const int netlink = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink == -1) return -errno;
  int result = -1;
  if (send(netlink, &request, sizeof request, 0) == -1) {
    result = -errno;
  } else {
    result = ReadAnswer(netlink, queue);
  }
  close(netlink);
  return result;
}

}  // namespace

int GetAcceptQueue(Socket socket, AcceptQueue& queue) {
  int family = 0;
  socklen_t length = sizeof family;
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length) == -1) return -errno;
  return family == AF_UNIX ? UnixQueue(socket, queue) : TcpQueue(socket, queue);
}

int Accept(Socket listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return fd == -1 ? -errno : fd;
}

int ConnectionState(Socket socket) {
  tcp_info info = {};
  const int error = GetTcpInfo(socket, info);
  return error < 0 ? error : info.tcpi_state;
}

int PeerState(Socket socket) {
  // POLLERR: an error waits in SO_ERROR, which a RST leaves there (tcp_poll() in net/ipv4/tcp.c).
  pollfd entry = {socket, POLLRDHUP, 0};
  int available = 0;
  if (poll(&entry, 1, 0) == -1 || ioctl(socket, FIONREAD, &available) == -1) return -errno;
  int state = 0;
  if ((entry.revents & (POLLRDHUP | POLLHUP)) != 0) state |= kPeerEnded;
  if ((entry.revents & POLLERR) != 0) state |= kPeerReset;
  if (available > 0) state |= kHasData;
  return state;
}

int Borrow(int pid, int descriptor) {
  // By number: glibc has functions for these only since 2.36.
  const auto process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process == -1) return -errno;
  const auto fd = static_cast<int>(syscall(SYS_pidfd_getfd, process, descriptor, 0));
  const int result = fd == -1 ? -errno : fd;
  close(process);
  return result;
}
