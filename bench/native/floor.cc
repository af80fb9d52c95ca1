// What everything else is measured against: the bare system calls in a loop, in the same process.
// Every call's result is checked, since a call that fails is cheaper than one that works.

#define NAPI_VERSION 8
#include <node_api.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>

namespace {

// One option call, as JavaScript lays it out in an Int32Array. A setter writes `values[0]` and
// `values[1]` in turn.
struct OptionCall {
  int level;
  int option;
  int ints;  // in a value: 1, or 2 for a struct linger
  int values[2][2];

  socklen_t size() const { return static_cast<socklen_t>(ints) * sizeof(int); }
};

struct Arguments {
  int socket = -1;
  std::span<OptionCall> calls;
  int times = 0;
};

bool Read(napi_env env, napi_callback_info info, Arguments& out) {
  std::array<napi_value, 3> values{};
  size_t count = values.size();
  napi_typedarray_type type = napi_int8_array;
  size_t elements = 0;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values.data(), nullptr, nullptr) != napi_ok ||
      napi_get_value_int32(env, values[0], &out.socket) != napi_ok ||
      napi_get_typedarray_info(env, values[1], &type, &elements, &data, nullptr, nullptr) !=
          napi_ok ||
      napi_get_value_int32(env, values[2], &out.times) != napi_ok || type != napi_int32_array) {
    return false;
  }
  constexpr size_t kInts = sizeof(OptionCall) / sizeof(int);
  out.calls = std::span(static_cast<OptionCall*>(data), elements / kInts);
  return true;
}

napi_value Number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

// set(socket, calls, times): 0, or the negated errno of the first call that failed.
napi_value Set(napi_env env, napi_callback_info info) {
  Arguments given;
  if (!Read(env, info, given)) return Number(env, -EINVAL);
  for (int i = 0; i < given.times; i++) {
    for (const OptionCall& call : given.calls) {
      if (setsockopt(given.socket, call.level, call.option, call.values[i & 1], call.size()) != 0) {
        return Number(env, -errno);
      }
    }
  }
  return Number(env, 0);
}

// get(socket, calls, times): the sum of all ints that were read, or a negated errno.
napi_value Get(napi_env env, napi_callback_info info) {
  Arguments given;
  if (!Read(env, info, given)) return Number(env, -EINVAL);
  double sum = 0;
  for (int i = 0; i < given.times; i++) {
    for (const OptionCall& call : given.calls) {
      int value[2] = {};
      socklen_t length = call.size();
      if (getsockopt(given.socket, call.level, call.option, value, &length) != 0) {
        return Number(env, -errno);
      }
      sum += value[0] + value[1];
    }
  }
  return Number(env, sum);
}

}  // namespace

NAPI_MODULE_INIT() {
  const auto method = [](const char* name, napi_callback callback) {
    return napi_property_descriptor{name,    nullptr, callback,        nullptr,
                                    nullptr, nullptr, napi_enumerable, nullptr};
  };
  const std::array methods{method("set", Set), method("get", Get)};
  napi_define_properties(env, exports, methods.size(), methods.data());
  return exports;
}
