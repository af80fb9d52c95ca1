// libFuzzer on the byte-level entry points: a batch with arbitrary records, and single calls with
// arbitrary levels, options, requests and bytes, on real sockets that nobody has. scripts/fuzz.js
// builds it and runs it in a network namespace of its own and without privileges, so that nothing
// of the system can be changed.
//
// What is checked, beside what the sanitizers see: every system call is given memory of the area
// only, and a value's length is what the record says.

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <vector>

#include "../native/batch.h"
#include "../native/socket.h"

namespace {

// kAreaSize in native/binding.cc.
constexpr size_t kAreaSize = 64 * 1024;

// The memory that the call which runs may use.
Buffer lent;

void Check(const void* value, size_t length) {
  const auto* at = static_cast<const unsigned char*>(value);
  if (length == 0) return;
  if (at < lent.data() || length > lent.size() || at + length > lent.data() + lent.size()) {
    abort();
  }
}

}  // namespace

// The linker puts these before the C library's (--wrap).
extern "C" {

int __real_getsockopt(int socket, int level, int option, void* value, socklen_t* length);
int __real_setsockopt(int socket, int level, int option, const void* value, socklen_t length);

int __wrap_getsockopt(int socket, int level, int option, void* value, socklen_t* length) {
  // Ioctl() asks for the type with memory of its own.
  if (level == SOL_SOCKET && option == SO_TYPE) {
    return __real_getsockopt(socket, level, option, value, length);
  }
  Check(value, *length);
  // Takes the length as a number of instructions, and writes them: lib/batch.ts keeps it off the
  // area's end.
  if (level == SOL_SOCKET && option == SO_GET_FILTER) {
    errno = EINVAL;
    return -1;
  }
  return __real_getsockopt(socket, level, option, value, length);
}

int __wrap_setsockopt(int socket, int level, int option, const void* value, socklen_t length) {
  Check(value, length);
  return __real_setsockopt(socket, level, option, value, length);
}

int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  // FIOASYNC and FIOSETOWN make the kernel send these.
  for (const int number : {SIGIO, SIGURG, SIGPIPE}) signal(number, SIG_IGN);
  return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);
}

namespace {

struct Kind {
  int family;
  int type;
  int protocol;
  bool listens;
};

constexpr Kind kKinds[] = {
    {AF_INET, SOCK_STREAM, 0, false},  {AF_INET, SOCK_STREAM, 0, true},
    {AF_INET6, SOCK_STREAM, 0, false}, {AF_INET6, SOCK_STREAM, 0, true},
    {AF_INET, SOCK_DGRAM, 0, false},   {AF_INET6, SOCK_DGRAM, 0, false},
    {AF_UNIX, SOCK_STREAM, 0, false},  {AF_UNIX, SOCK_DGRAM, 0, false},
};

int SocketOf(unsigned char selector) {
  const Kind& kind = kKinds[selector % std::size(kKinds)];
  const int fd = Open(kind.family, kind.type, kind.protocol);
  if (fd < 0) abort();
  if (kind.listens && Listen(fd, 1) < 0) abort();
  return fd;
}

// What stands at the input's beginning; the rest is the area's, or the value's.
struct Head {
  unsigned char operation;
  unsigned char socket;
  unsigned short length;
  int level;
  unsigned int option;
};

void RunBatch(const Head& head, int socket, const unsigned char* data, size_t size) {
  std::vector<unsigned char> area(kAreaSize);
  std::memcpy(area.data(), data, size);
  // Mostly a real descriptor, or nothing is reached; otherwise whatever the bytes say that is none.
  const double number = head.length % 8 == 7 ? -1 : socket;
  std::memcpy(area.data(), &number, sizeof number);
  lent = Buffer(area);
  const int result = head.operation % 2 == 0 ? GetBatch(lent) : SetBatch(lent);
  if (result > 0) abort();
}

void RunOne(const Head& head, int socket, const unsigned char* data, size_t size) {
  std::vector<unsigned char> value(data, data + size);
  const auto level = head.level;
  const auto option = static_cast<int>(head.option);
  switch (head.operation % 4) {
    case 0: {
      value.resize(head.length);
      lent = Buffer(value);
      if (GetOption(socket, level, option, lent) > static_cast<int>(value.size())) abort();
      break;
    }
    case 1:
      lent = Buffer(value);
      if (SetOption(socket, level, option, lent) > 0) abort();
      break;
    case 2:
      value.resize(kAreaSize);
      lent = Buffer(value);
      Ioctl(socket, head.option, lent, static_cast<int>(size), static_cast<int>(kAreaSize));
      break;
    default:
      value.resize(sizeof(sockaddr_storage));
      // Of the socket's own family, on a port that the kernel chooses.
      if (size > 4) std::memset(value.data() + 2, 0, 2);
      Bind(socket, Bytes(value));
      PeerState(socket);
      Disconnect(socket);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  Head head{};
  if (size < sizeof head || size > kAreaSize) return 0;
  std::memcpy(&head, data, sizeof head);
  const int socket = SocketOf(head.socket);
  const unsigned char* rest = data + sizeof head;
  if (head.operation < 128) {
    RunBatch(head, socket, rest, size - sizeof head);
  } else {
    RunOne(head, socket, rest, size - sizeof head);
  }
  lent = Buffer();
  Close(socket);
  return 0;
}
