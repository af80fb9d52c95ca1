// Windows: Winsock, and the IP Helper API for what Winsock does not tell. Built with MinGW-w64 and
// run under Wine; MSVC and Windows itself are left to the public CI.

#include <winsock2.h>

// After winsock2.h, whose types they use.
#include <iphlpapi.h>
#include <mstcpip.h>
#include <mswsock.h>
#include <ws2tcpip.h>

#include <climits>
#include <cstdlib>
#include <cstring>

#include "socket.h"

namespace {

// The numbers in socket.h, for those who do not have winsock2.h.
static_assert(kInvalid == WSAEINVAL && kBadSocket == WSAEBADF && kNoMemory == WSAENOBUFS);

int ResultOf(int result) { return result == SOCKET_ERROR ? -WSAGetLastError() : result; }

// A new socket as a result: not inherited by child processes, non-blocking.
int Ours(SOCKET socket) {
  if (socket == INVALID_SOCKET) return -WSAGetLastError();
  u_long on = 1;
  if (socket > INT_MAX || ioctlsocket(socket, FIONBIO, &on) == SOCKET_ERROR) {
    const int error = socket > INT_MAX ? WSAEMFILE : WSAGetLastError();
    closesocket(socket);
    return -error;
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): Winsock's SOCKET and Win32's HANDLE are one thing.
  SetHandleInformation(reinterpret_cast<HANDLE>(socket), HANDLE_FLAG_INHERIT, 0);
  return static_cast<int>(socket);
}

char* CharsOf(Buffer bytes) { return reinterpret_cast<char*>(bytes.data()); }

const char* CharsOf(Bytes bytes) { return reinterpret_cast<const char*>(bytes.data()); }

// One connection in the system's table, whatever its family.
struct Endpoints {
  sockaddr_storage local;
  sockaddr_storage remote;
};

in6_addr AddressOf(const sockaddr_storage& endpoint) {
  if (endpoint.ss_family == AF_INET6)
    return reinterpret_cast<const sockaddr_in6&>(endpoint).sin6_addr;
  in6_addr mapped = {};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(mapped.s6_addr + 12, &reinterpret_cast<const sockaddr_in&>(endpoint).sin_addr, 4);
  return mapped;
}

// The same place in sockaddr_in and sockaddr_in6; in network order, as in the table.
DWORD PortOf(const sockaddr_storage& endpoint) {
  return reinterpret_cast<const sockaddr_in&>(endpoint).sin_port;
}

bool IsAt(const void* address, size_t size, DWORD port, const sockaddr_storage& endpoint) {
  const in6_addr whole = AddressOf(endpoint);
  return port == PortOf(endpoint) && std::memcmp(address, whole.s6_addr + 16 - size, size) == 0;
}

DWORD StateOf(const MIB_TCPROW& row) { return row.dwState; }

DWORD StateOf(const MIB_TCP6ROW& row) { return static_cast<DWORD>(row.State); }

bool IsOf(const MIB_TCPROW& row, const Endpoints& ends) {
  return IsAt(&row.dwLocalAddr, 4, row.dwLocalPort, ends.local) &&
         IsAt(&row.dwRemoteAddr, 4, row.dwRemotePort, ends.remote);
}

bool IsOf(const MIB_TCP6ROW& row, const Endpoints& ends) {
  return IsAt(&row.LocalAddr, 16, row.dwLocalPort, ends.local) &&
         IsAt(&row.RemoteAddr, 16, row.dwRemotePort, ends.remote);
}

// The system's table of connections, to be freed; nullptr if it cannot be had.
void* CopyTable(ULONG family) {
  ULONG size = 16 * 1024;
  // It may grow between two calls.
  for (int tries = 0; tries < 5; tries++) {
    void* table = std::malloc(size);
    if (table == nullptr) return nullptr;
    const DWORD error = GetExtendedTcpTable(table, &size, FALSE, family, TCP_TABLE_BASIC_ALL, 0);
    if (error == NO_ERROR) return table;
    std::free(table);
    if (error != ERROR_INSUFFICIENT_BUFFER) return nullptr;
    size += size / 4;
  }
  return nullptr;
}

// The state in the table, TCPSTATE_CLOSED if the connection is not there.
template <typename Table>
int StateAmong(ULONG family, const Endpoints& ends) {
  auto* table = static_cast<Table*>(CopyTable(family));
  if (table == nullptr) return -WSAENOBUFS;
  int state = TCPSTATE_CLOSED;
  for (DWORD i = 0; i < table->dwNumEntries; i++) {
    const auto& row = table->table[i];
    // MIB_TCP_STATE counts from 1.
    if (IsOf(row, ends)) state = static_cast<int>(StateOf(row)) - 1;
  }
  std::free(table);
  return state;
}

int StateInTable(Socket socket) {
  Endpoints ends = {};
  int length = sizeof ends.local;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&ends.local), &length) == SOCKET_ERROR) {
    return -WSAGetLastError();
  }
  length = sizeof ends.remote;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&ends.remote), &length) == SOCKET_ERROR) {
    return WSAGetLastError() == WSAENOTCONN ? TCPSTATE_CLOSED : -WSAGetLastError();
  }
  if (ends.local.ss_family == AF_INET6) {
    const int state = StateAmong<MIB_TCP6TABLE>(AF_INET6, ends);
    const in6_addr remote = AddressOf(ends.remote);
    // An IPv4 connection of a dual-stack socket may stand among its like.
    if (state != TCPSTATE_CLOSED || !IN6_IS_ADDR_V4MAPPED(&remote)) return state;
  }
  return StateAmong<MIB_TCPTABLE>(AF_INET, ends);
}

// Lives until the system is done with it, which may be after the call.
struct PendingDisconnect {
  OVERLAPPED overlapped;
  HANDLE event;
  PTP_WAIT wait;
};

void Free(PendingDisconnect* pending) {
  if (pending->wait != nullptr) CloseThreadpoolWait(pending->wait);
  if (pending->event != nullptr) CloseHandle(pending->event);
  std::free(pending);
}

void CALLBACK OnDisconnected(PTP_CALLBACK_INSTANCE /*instance*/, void* data, PTP_WAIT /*wait*/,
                             TP_WAIT_RESULT /*result*/) {
  Free(static_cast<PendingDisconnect*>(data));
}

PendingDisconnect* AllocatePending() {
  auto* pending = static_cast<PendingDisconnect*>(std::calloc(1, sizeof(PendingDisconnect)));
  if (pending == nullptr) return nullptr;
  pending->event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  pending->wait = CreateThreadpoolWait(OnDisconnected, pending, nullptr);
  if (pending->event == nullptr || pending->wait == nullptr) {
    Free(pending);
    return nullptr;
  }
  // With the low bit set, the completion does not go to the port that libuv waits at
  // (GetQueuedCompletionStatus).
  const auto marked = reinterpret_cast<std::uintptr_t>(pending->event) | 1;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the bit is part of the handle's value.
  pending->overlapped.hEvent = reinterpret_cast<HANDLE>(marked);
  return pending;
}

int GetDisconnectEx(Socket socket, LPFN_DISCONNECTEX& function) {
  GUID id = WSAID_DISCONNECTEX;
  DWORD written = 0;
  return ResultOf(WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function,
                           sizeof function, &written, nullptr, nullptr));
}

}  // namespace

int GetOption(Socket socket, int level, int option, Buffer value) {
  auto length = static_cast<int>(value.size());
  if (getsockopt(socket, level, option, CharsOf(value), &length) == SOCKET_ERROR) {
    return -WSAGetLastError();
  }
  return length;
}

int SetOption(Socket socket, int level, int option, Bytes value) {
  return ResultOf(
      setsockopt(socket, level, option, CharsOf(value), static_cast<int>(value.size())));
}

int Ioctl(Socket socket, unsigned long request, Buffer argument, int input, int output) {
  // Winsock does not say that the two may overlap.
  void* copy = std::malloc(static_cast<size_t>(input) + 1);
  if (copy == nullptr) return -WSAENOBUFS;
  std::memcpy(copy, argument.data(), static_cast<size_t>(input));
  DWORD written = 0;
  const int result =
      WSAIoctl(socket, request, copy, static_cast<DWORD>(input), argument.data(),
               static_cast<DWORD>(output), &written, nullptr, nullptr) == SOCKET_ERROR
          ? -WSAGetLastError()
          : static_cast<int>(written);
  std::free(copy);
  return result;
}

int Open(int family, int type, int protocol) {
  return Ours(WSASocketW(family, type, protocol, nullptr, 0,
                         WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
}

int Bind(Socket socket, Bytes address) {
  return ResultOf(bind(socket, reinterpret_cast<const sockaddr*>(address.data()),
                       static_cast<int>(address.size())));
}

int Listen(Socket socket, int backlog) { return ResultOf(listen(socket, backlog)); }

int Close(Socket socket) { return ResultOf(closesocket(socket)); }

// Without an address: for a client that has reset already Wine 8 has none, and would fail.
int Accept(Socket listener) { return Ours(WSAAccept(listener, nullptr, nullptr, nullptr, 0)); }

int ConnectionState(Socket socket) {
  DWORD version = 0;
  TCP_INFO_v0 info = {};
  DWORD written = 0;
  if (WSAIoctl(socket, SIO_TCP_INFO, &version, sizeof version, &info, sizeof info, &written,
               nullptr, nullptr) == 0) {
    return info.State;
  }
  // Before Windows 10 1703, in Wine, and for a connection that the system has forgotten.
  return StateInTable(socket);
}

int PeerState(Socket socket) {
  WSAPOLLFD entry = {socket, POLLRDNORM, 0};
  if (WSAPoll(&entry, 1, 0) == SOCKET_ERROR) return -WSAGetLastError();
  int state = 0;
  if ((entry.revents & POLLERR) != 0) state |= kPeerReset;
  // WSAPoll: "a stream-oriented connection was either disconnected or aborted"; a look at the next
  // byte tells which.
  if ((entry.revents & POLLHUP) != 0) state |= kPeerEnded;
  char next = 0;
  const int received = recv(socket, &next, sizeof next, MSG_PEEK);
  if (received > 0) return state | kHasData;
  if (received == 0) return state | kPeerEnded;
  return WSAGetLastError() == WSAEWOULDBLOCK ? state : state | kPeerReset;
}

// DuplicateHandle() is not for sockets: Winsock does not know the copy.
int Duplicate(Socket socket) {
  WSAPROTOCOL_INFOW info = {};
  if (WSADuplicateSocketW(socket, GetCurrentProcessId(), &info) == SOCKET_ERROR) {
    return -WSAGetLastError();
  }
  return Ours(WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                         WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
}

// WSADuplicateSocketW wants the other process to help.
int Borrow(int /*pid*/, int /*descriptor*/) { return -WSAEOPNOTSUPP; }

int Disconnect(Socket socket) {
  LPFN_DISCONNECTEX disconnect = nullptr;
  const int error = GetDisconnectEx(socket, disconnect);
  if (error < 0) return error;
  PendingDisconnect* pending = AllocatePending();
  if (pending == nullptr) return -WSAENOBUFS;
  if (disconnect(socket, &pending->overlapped, 0, 0) == FALSE &&
      WSAGetLastError() != WSA_IO_PENDING) {
    const int failure = -WSAGetLastError();
    Free(pending);
    return failure;
  }
  SetThreadpoolWait(pending->wait, pending->event, nullptr);
  return 0;
}

int GetAcceptQueue(Socket /*socket*/, AcceptQueue& /*queue*/) { return -WSAENOPROTOOPT; }
