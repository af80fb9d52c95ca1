// Linux and macOS. What only one of them has stands in linux.cc and darwin.cc.

#include "posix.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "socket.h"

namespace {

int ResultOf(int result) { return result == -1 ? -errno : result; }

}  // namespace

int GetOption(Socket socket, int level, int option, Buffer value) {
  auto length = static_cast<socklen_t>(value.size());
  if (getsockopt(socket, level, option, value.data(), &length) == -1) return -errno;
  return static_cast<int>(length);
}

int SetOption(Socket socket, int level, int option, Bytes value) {
  return ResultOf(
      setsockopt(socket, level, option, value.data(), static_cast<socklen_t>(value.size())));
}

int Ioctl(Socket socket, unsigned long request, Buffer argument, int /*input*/, int /*output*/) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == -1) return -errno;
  return ResultOf(ioctl(socket, request, argument.data()));
}

int Ours(int fd) {
  if (fd == -1) return -errno;
  // Not SOCK_NONBLOCK | SOCK_CLOEXEC, which macOS lacks; not fcntl(), which becomes fcntl64 with a
  // glibc version that musl does not have.
  int on = 1;
  if (ioctl(fd, FIOCLEX) == -1 || ioctl(fd, FIONBIO, &on) == -1) {
    const int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

int Open(int family, int type, int protocol) { return Ours(socket(family, type, protocol)); }

int Bind(Socket socket, Bytes address) {
  return ResultOf(bind(socket, reinterpret_cast<const sockaddr*>(address.data()),
                       static_cast<socklen_t>(address.size())));
}

int Listen(Socket socket, int backlog) { return ResultOf(listen(socket, backlog)); }

// Not repeated after EINTR: on Linux the descriptor is gone already (close(2)).
int Close(Socket socket) { return ResultOf(close(socket)); }

int Duplicate(Socket socket) {
  const int fd = dup(socket);
  if (fd == -1) return -errno;
  if (ioctl(fd, FIOCLEX) == -1) {
    const int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

int Disconnect(Socket socket) {
  sockaddr unspecified = {};
  unspecified.sa_family = AF_UNSPEC;
  return ResultOf(connect(socket, &unspecified, sizeof unspecified));
}
