// Node-API glue: numbers and bytes in, one number out. Arguments are validated in TypeScript; what
// is no number or no Uint8Array here is answered with the system's own "invalid argument", never a
// throw or an abort. Plain node_api.h, because a crossing counts
// (docs/decisions/003-plain-node-api.md).

#include <node_api.h>

#include <array>
#include <concepts>
#include <cstring>
#include <tuple>
#include <utility>

#include "batch.h"
#include "find-socket.h"
#include "socket.h"
#include "watcher.h"

namespace {

// The area in which short values travel, shared with lib/binding.ts: one ArrayBuffer per
// environment.
constexpr int kAreaSize = 64 * 1024;

bool Read(napi_env env, napi_value value, int& out) {
  return napi_get_value_int32(env, value, &out) == napi_ok;
}

// An ioctl request; a SOCKET on Windows.
template <std::unsigned_integral Wide>
bool Read(napi_env env, napi_value value, Wide& out) {
  int64_t number = 0;
  if (napi_get_value_int64(env, value, &number) != napi_ok) return false;
  out = static_cast<Wide>(number);
  return true;
}

bool Read(napi_env env, napi_value value, Buffer& out) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    return false;
  }
  out = Buffer(static_cast<unsigned char*>(data), length);
  return type == napi_uint8_array;
}

napi_value Number(napi_env env, int value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

// Reads the arguments that `operation` takes, in its order, and hands its int to JavaScript.
template <typename... Arguments>
napi_value Call(napi_env env, napi_callback_info info, int (*operation)(Buffer, Arguments...)) {
  size_t count = sizeof...(Arguments);
  std::array<napi_value, sizeof...(Arguments)> values{};
  void* area = nullptr;
  if (napi_get_cb_info(env, info, &count, values.data(), nullptr, &area) != napi_ok) {
    return Number(env, -kInvalid);
  }
  return [&]<size_t... I>(std::index_sequence<I...>) {
    std::tuple<Arguments...> arguments{};
    if (!(Read(env, values[I], std::get<I>(arguments)) && ...)) return Number(env, -kInvalid);
    return Number(env, operation(Buffer(static_cast<unsigned char*>(area), kAreaSize),
                                 std::get<I>(arguments)...));
  }
  (std::index_sequence_for<Arguments...>{});
}

template <auto operation>
napi_value Glue(napi_env env, napi_callback_info info) {
  return Call(env, info, operation);
}

bool Fits(int length) { return length >= 0 && length <= kAreaSize; }

int GetBytes(Buffer /*area*/, Socket socket, int level, int option, Buffer value) {
  return GetOption(socket, level, option, value);
}

int SetBytes(Buffer /*area*/, Socket socket, int level, int option, Buffer value) {
  return SetOption(socket, level, option, value);
}

// No arguments, and nothing returned when all is well: undefined costs nothing.
template <int operation(Buffer)>
napi_value Silent(napi_env env, napi_callback_info info) {
  void* area = nullptr;
  if (napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &area) != napi_ok) {
    return Number(env, -kInvalid);
  }
  const int result = operation(Buffer(static_cast<unsigned char*>(area), kAreaSize));
  return result < 0 ? Number(env, result) : nullptr;
}

// The whole area is lent to the kernel, since it alone knows how much a request writes: at most 16
// KiB where the number tells (_IOC_SIZEMASK), less where it does not.
int IoctlInArea(Buffer area, Socket socket, unsigned long request, int input, int output) {
  if (!Fits(input) || !Fits(output)) return -kInvalid;
  return Ioctl(socket, request, area, input, output);
}

int OpenSocket(Buffer /*area*/, int family, int type, int protocol) {
  return Open(family, type, protocol);
}

int BindSocket(Buffer /*area*/, Socket socket, Buffer address) { return Bind(socket, address); }

int ListenSocket(Buffer /*area*/, Socket socket, int backlog) { return Listen(socket, backlog); }

int AcceptOn(Buffer /*area*/, Socket listener) { return Accept(listener); }

int ConnectionStateOf(Buffer /*area*/, Socket socket) { return ConnectionState(socket); }

int PeerStateOf(Buffer /*area*/, Socket socket) { return PeerState(socket); }

int DuplicateSocket(Buffer /*area*/, Socket socket) { return Duplicate(socket); }

int BorrowSocket(Buffer /*area*/, int pid, int descriptor) { return Borrow(pid, descriptor); }

int DisconnectSocket(Buffer /*area*/, Socket socket) { return Disconnect(socket); }

int CloseSocket(Buffer /*area*/, Socket socket) { return Close(socket); }

int AcceptQueueInArea(Buffer area, Socket socket) {
  AcceptQueue queue{};
  const int result = GetAcceptQueue(socket, queue);
  std::memcpy(area.data(), &queue, sizeof queue);
  return result;
}

// The reference to the area lives as long as the environment, which does not free it by itself.
void Release(napi_env env, void* keep, void* /*hint*/) {
  napi_delete_reference(env, static_cast<napi_ref>(keep));
}

napi_value Init(napi_env env, napi_value exports) {
  void* area = nullptr;
  napi_value buffer = nullptr;
  napi_value address = nullptr;
  napi_ref keep = nullptr;
  if (napi_create_arraybuffer(env, kAreaSize, &area, &buffer) != napi_ok ||
      napi_create_reference(env, buffer, 1, &keep) != napi_ok ||
      napi_set_instance_data(env, keep, Release, nullptr) != napi_ok ||
      napi_create_bigint_uint64(env, reinterpret_cast<uintptr_t>(area), &address) != napi_ok) {
    return nullptr;
  }
  const auto value = [](const char* name, napi_value given) {
    return napi_property_descriptor{name,    nullptr, nullptr,         nullptr,
                                    nullptr, given,   napi_enumerable, nullptr};
  };
  const auto method = [&](const char* name, napi_callback callback) {
    return napi_property_descriptor{name,    nullptr, callback,        nullptr,
                                    nullptr, nullptr, napi_enumerable, area};
  };
  const std::array properties{
      value("area", buffer),
      value("areaAddress", address),
      value("Watcher", DefineWatcher(env)),
      method("getBytes", Glue<GetBytes>),
      method("setBytes", Glue<SetBytes>),
      method("getBatch", Silent<GetBatch>),
      method("setBatch", Silent<SetBatch>),
      method("ioctl", Glue<IoctlInArea>),
      method("open", Glue<OpenSocket>),
      method("bind", Glue<BindSocket>),
      method("listen", Glue<ListenSocket>),
      method("accept", Glue<AcceptOn>),
      method("connectionState", Glue<ConnectionStateOf>),
      method("peerState", Glue<PeerStateOf>),
      method("duplicate", Glue<DuplicateSocket>),
      method("borrow", Glue<BorrowSocket>),
      method("disconnect", Glue<DisconnectSocket>),
      method("close", Glue<CloseSocket>),
      method("getAcceptQueue", Glue<AcceptQueueInArea>),
      method("findSocket", FindSocket),
  };
  napi_define_properties(env, exports, properties.size(), properties.data());
  return exports;
}

}  // namespace

NAPI_MODULE_INIT() { return Init(env, exports); }
