#include "watcher.h"

#include <array>
#include <cstdlib>
#include <new>

#include "libuv.h"
#include "socket.h"

namespace {

constexpr napi_type_tag kTag = {0x6e65742d736f636bULL, 0x6f70742d77617463ULL};

struct Watcher {
  uv_poll_t poll{};
  Socket socket = 0;  // ours to close, see watcher.h
  napi_env env = nullptr;
  napi_ref self = nullptr;      // strong while open: an open listener is never collected
  napi_ref callback = nullptr;  // onReadable
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  bool closing = false;
};

// Not operator new and delete: they would need libstdc++.
Watcher* Allocate() {
  void* memory = std::malloc(sizeof(Watcher));
  return memory == nullptr ? nullptr : new (memory) Watcher();
}

napi_value Number(napi_env env, int value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

void OnClosed(uv_handle_t* handle) {
  auto* watcher = static_cast<Watcher*>(handle->data);
  if (watcher->hook != nullptr) napi_remove_async_cleanup_hook(watcher->hook);
  std::free(watcher);
}

// Safe to call twice, and while the environment is torn down.
void CloseWatcher(Watcher* watcher) {
  if (watcher->closing) return;
  watcher->closing = true;
  uv_poll_stop(&watcher->poll);
  napi_delete_reference(watcher->env, watcher->callback);
  napi_delete_reference(watcher->env, watcher->self);
  napi_async_destroy(watcher->env, watcher->context);
  uv_close(reinterpret_cast<uv_handle_t*>(&watcher->poll), OnClosed);
  // libuv has let go of it in uv_close(); the port is free as soon as the caller closes the
  // listener's.
  Close(watcher->socket);
}

// A worker thread that ends with listeners open: its loop must be rid of them first.
void OnTeardown(napi_async_cleanup_hook_handle /*hook*/, void* data) {
  CloseWatcher(static_cast<Watcher*>(data));
}

void OnReadable(uv_poll_t* poll, int /*status*/, int /*events*/) {
  auto* watcher = static_cast<Watcher*>(poll->data);
  napi_env env = watcher->env;
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback = nullptr;
  napi_value self = nullptr;
  napi_get_reference_value(env, watcher->callback, &callback);
  napi_get_reference_value(env, watcher->self, &self);
  const napi_status status =
      napi_make_callback(env, watcher->context, self, callback, 0, nullptr, nullptr);
  if (status == napi_pending_exception) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

// The watcher behind `this`, or nullptr if it is closed or something else.
Watcher* Unwrap(napi_env env, napi_callback_info info) {
  napi_value self = nullptr;
  bool ours = false;
  void* watcher = nullptr;
  if (napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr) != napi_ok ||
      napi_check_object_type_tag(env, self, &kTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, self, &watcher) != napi_ok) {
    return nullptr;
  }
  return static_cast<Watcher*>(watcher);
}

napi_value Throw(napi_env env, int error) {
  if (!HasLibuv()) {
    napi_throw_error(env, "ENOSYS", "function not implemented: there is no libuv in this runtime");
    return nullptr;
  }
  napi_throw_error(env, uv_err_name(error), uv_strerror(error));
  return nullptr;
}

// Makes the references that an open watcher holds; false leaves none behind that matters.
bool Keep(napi_env env, napi_value self, napi_value callback, Watcher* watcher) {
  napi_value name = nullptr;
  watcher->env = env;
  return napi_create_string_utf8(env, "TcpListener", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env, self, name, &watcher->context) == napi_ok &&
         napi_create_reference(env, callback, 1, &watcher->callback) == napi_ok &&
         napi_type_tag_object(env, self, &kTag) == napi_ok &&
         napi_wrap(env, self, watcher, nullptr, nullptr, nullptr) == napi_ok &&
         napi_create_reference(env, self, 1, &watcher->self) == napi_ok &&
         napi_add_async_cleanup_hook(env, OnTeardown, watcher, &watcher->hook) == napi_ok;
}

napi_value Construct(napi_env env, napi_callback_info info) {
  size_t count = 2;
  std::array<napi_value, 2> arguments{};
  napi_value self = nullptr;
  int64_t socket = -1;
  napi_valuetype type = napi_undefined;
  uv_loop_t* loop = nullptr;
  if (!HasLibuv()) return Throw(env, UV_ENOSYS);
  if (napi_get_cb_info(env, info, &count, arguments.data(), &self, nullptr) != napi_ok ||
      napi_get_value_int64(env, arguments[0], &socket) != napi_ok ||
      napi_typeof(env, arguments[1], &type) != napi_ok || type != napi_function ||
      napi_get_uv_event_loop(env, &loop) != napi_ok) {
    return Throw(env, UV_EINVAL);
  }
  Watcher* watcher = Allocate();
  if (watcher == nullptr) return Throw(env, UV_ENOMEM);
  watcher->socket = static_cast<Socket>(socket);
  const int error = uv_poll_init_socket(loop, &watcher->poll, watcher->socket);
  if (error != 0) {
    std::free(watcher);
    return Throw(env, error);
  }
  watcher->poll.data = watcher;
  uv_unref(reinterpret_cast<uv_handle_t*>(&watcher->poll));
  if (!Keep(env, self, arguments[1], watcher)) {
    watcher->closing = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&watcher->poll), OnClosed);
    return Throw(env, UV_ENOMEM);
  }
  return self;
}

napi_value Start(napi_env env, napi_callback_info info) {
  Watcher* watcher = Unwrap(env, info);
  if (watcher == nullptr) return Number(env, -kBadSocket);
  return Number(env, uv_poll_start(&watcher->poll, UV_READABLE, OnReadable));
}

napi_value Stop(napi_env env, napi_callback_info info) {
  Watcher* watcher = Unwrap(env, info);
  if (watcher == nullptr) return Number(env, -kBadSocket);
  return Number(env, uv_poll_stop(&watcher->poll));
}

napi_value CloseMethod(napi_env env, napi_callback_info info) {
  Watcher* watcher = Unwrap(env, info);
  if (watcher == nullptr) return Number(env, -kBadSocket);
  napi_value self = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr);
  napi_remove_wrap(env, self, nullptr);
  CloseWatcher(watcher);
  return Number(env, 0);
}

}  // namespace

napi_value DefineWatcher(napi_env env) {
  const auto method = [](const char* name, napi_callback callback) {
    return napi_property_descriptor{name,    nullptr, callback,     nullptr,
                                    nullptr, nullptr, napi_default, nullptr};
  };
  const std::array methods{method("start", Start), method("stop", Stop),
                           method("close", CloseMethod)};
  napi_value definition = nullptr;
  napi_define_class(env, "Watcher", NAPI_AUTO_LENGTH, Construct, nullptr, methods.size(),
                    methods.data(), &definition);
  return definition;
}
