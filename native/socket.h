// The contract between the glue (binding.cc) and an operating system. One file per system
// implements all of it; binding.gyp picks the file, so a function that is missing is a link error.
//
// Sockets, bytes and system calls: nothing here knows an option by name, throws, or formats a
// message. Every function returns >= 0, or the operating system's error number negated: -errno on
// POSIX, -WSAGetLastError() on Windows.

#ifndef NET_SOCKOPT_SOCKET_H_
#define NET_SOCKOPT_SOCKET_H_

#include <cerrno>
#include <cstdint>
#include <span>

#ifdef _WIN32
// A SOCKET fits an int as well, as every kernel handle does ("Interprocess communication between
// 32-bit and 64-bit applications" in the Windows documentation), so results are ints everywhere.
using Socket = std::uintptr_t;
// Winsock has numbers of its own (winerror.h): WSAEINVAL, WSAEBADF, WSAENOBUFS.
inline constexpr int kInvalid = 10022;
inline constexpr int kBadSocket = 10009;
inline constexpr int kNoMemory = 10055;
#else
using Socket = int;
inline constexpr int kInvalid = EINVAL;
inline constexpr int kBadSocket = EBADF;
inline constexpr int kNoMemory = ENOMEM;
#endif

using Bytes = std::span<const unsigned char>;
using Buffer = std::span<unsigned char>;

struct AcceptQueue {
  int length;  // connections that wait for accept()
  int limit;   // the backlog that the kernel keeps
};

// Options: raw bytes in both directions. GetOption returns how many bytes the kernel wrote.
int GetOption(Socket socket, int level, int option, Buffer value);
int SetOption(Socket socket, int level, int option, Bytes value);

// The argument is one area for input and output, as ioctl(2) has it: its first `input` bytes are
// the input, at most `output` bytes of the answer are written to its beginning (POSIX: as many as
// the request has). Returns how many bytes the system wrote on Windows, what ioctl(2) returned on
// POSIX. Refuses what is not a socket, since an ioctl request means something else on a file or a
// terminal.
int Ioctl(Socket socket, unsigned long request, Buffer argument, int input, int output);

// A socket of our own: non-blocking, closed on exec. `address` is a struct sockaddr.
int Open(int family, int type, int protocol);
int Bind(Socket socket, Bytes address);
int Listen(Socket socket, int backlog);
int Close(Socket socket);

// The next connection of a listener, non-blocking and closed on exec; EAGAIN when none waits.
int Accept(Socket listener);

// The state of a TCP connection, by the system's own number: TCP_ESTABLISHED ... of Linux,
// TCPS_ESTABLISHED ... of macOS, TCPSTATE_ESTABLISHED ... of Windows.
int ConnectionState(Socket socket);

// What has become of the peer, as bits.
inline constexpr int kPeerEnded = 1;  // it sends no more (FIN)
inline constexpr int kPeerReset = 2;  // it is gone (RST), or the connection failed otherwise
inline constexpr int kHasData = 4;    // there is something left to read
int PeerState(Socket socket);

// Another descriptor of the same socket: the socket stays open when the first is closed.
int Duplicate(Socket socket);

// A descriptor of our own for the socket that another process of this user has: pidfd_getfd(2).
int Borrow(int pid, int descriptor);

// Dissolves a connection without closing the socket: connect(2) with AF_UNSPEC, DisconnectEx on
// Windows.
int Disconnect(Socket socket);

// EINVAL when the socket does not listen (as accept(2) has it). Windows has no way to ask.
int GetAcceptQueue(Socket socket, AcceptQueue& queue);

#endif  // NET_SOCKOPT_SOCKET_H_
