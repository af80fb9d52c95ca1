#include "find-socket.h"

#include <cstdlib>

#include "libuv.h"
#include "socket.h"

namespace {

// A handle, and whether it keeps the loop alive.
struct Seen {
  const uv_handle_t* handle;
  bool has_ref;
};

struct Walk {
  Seen* seen = nullptr;
  size_t count = 0;
  size_t capacity = 0;
  bool failed = false;
};

// Two walks see the same handles in the same order, since nothing but `toggle` runs in between.
struct Search {
  const Walk& before;
  size_t at = 0;
  const uv_handle_t* found = nullptr;
  int changes = 0;
};

bool HasSocket(const uv_handle_t* handle) {
  const uv_handle_type type = uv_handle_get_type(handle);
#ifndef _WIN32
  // A Unix socket; on Windows a named pipe, which is none.
  if (type == UV_NAMED_PIPE) return true;
#endif
  return type == UV_TCP || type == UV_UDP;
}

void Remember(uv_handle_t* handle, void* data) {
  auto& walk = *static_cast<Walk*>(data);
  if (walk.failed || !HasSocket(handle)) return;
  if (walk.count == walk.capacity) {
    const size_t capacity = walk.capacity == 0 ? 64 : walk.capacity * 2;
    auto* seen = static_cast<Seen*>(std::realloc(walk.seen, capacity * sizeof(Seen)));
    walk.failed = seen == nullptr;
    if (walk.failed) return;
    walk.seen = seen;
    walk.capacity = capacity;
  }
  walk.seen[walk.count++] = {handle, uv_has_ref(handle) != 0};
}

void Compare(uv_handle_t* handle, void* data) {
  auto& search = *static_cast<Search*>(data);
  if (!HasSocket(handle) || search.at >= search.before.count) return;
  const Seen& seen = search.before.seen[search.at++];
  if (seen.handle != handle || seen.has_ref == (uv_has_ref(handle) != 0)) return;
  search.found = handle;
  search.changes++;
}

bool CallToggle(napi_env env, napi_value toggle) {
  napi_value undefined = nullptr;
  napi_get_undefined(env, &undefined);
  return napi_call_function(env, undefined, toggle, 0, nullptr, nullptr) == napi_ok;
}

// The socket as the number that Winsock, or POSIX, has for it.
double SocketOf(const uv_handle_t* handle) {
  uv_os_fd_t descriptor{};
  if (uv_fileno(handle, &descriptor) != 0) return -kBadSocket;
#ifdef _WIN32
  return static_cast<double>(reinterpret_cast<Socket>(descriptor));
#else
  return descriptor;
#endif
}

double Find(napi_env env, uv_loop_t* loop, napi_value toggle) {
  Walk before;
  uv_walk(loop, Remember, &before);
  Search search{before};
  bool restored = false;
  if (!before.failed && CallToggle(env, toggle)) {
    uv_walk(loop, Compare, &search);
    restored = CallToggle(env, toggle);
  }
  const double result = before.failed                     ? -kNoMemory
                        : restored && search.changes == 1 ? SocketOf(search.found)
                                                          : -kBadSocket;
  std::free(before.seen);
  return result;
}

}  // namespace

napi_value FindSocket(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value toggle = nullptr;
  napi_valuetype type = napi_undefined;
  uv_loop_t* loop = nullptr;
  double found = -kInvalid;
  if (napi_get_cb_info(env, info, &count, &toggle, nullptr, nullptr) == napi_ok &&
      napi_typeof(env, toggle, &type) == napi_ok && type == napi_function && HasLibuv() &&
      napi_get_uv_event_loop(env, &loop) == napi_ok) {
    found = Find(env, loop, toggle);
  }
  napi_value result = nullptr;
  napi_create_double(env, found, &result);
  return result;
}
