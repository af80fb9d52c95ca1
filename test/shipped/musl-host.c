// As much of Node as the addon needs to be loaded and called, linked with musl instead of glibc:
// values are numbers or bytes, and properties are remembered. What is not here is a stub that
// prints its name and ends, which the test generates. Prints "ok" when every call did what it
// should. With a second argument nothing is asked of accept queues, which qemu-user does not know.

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct napi_value__ {
  double number;
  void* data;
  size_t length;
};

struct napi_callback_info__ {
  size_t count;
  napi_value* arguments;
  void* data;
};

static struct napi_value__ area, exports, result;
static napi_property_descriptor properties[64];
static size_t property_count;
static napi_finalize finalize;
static void* instance;
static int references;

#define EXPECT(condition)                                                       \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

napi_status napi_create_arraybuffer(napi_env env, size_t length, void** data, napi_value* value) {
  area.data = *data = calloc(1, length);
  area.length = length;
  *value = &area;
  return napi_ok;
}

napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref* ref) {
  *ref = (napi_ref)value;
  references++;
  return napi_ok;
}

napi_status napi_delete_reference(napi_env env, napi_ref ref) {
  references--;
  return napi_ok;
}

napi_status napi_set_instance_data(napi_env env, void* data, napi_finalize callback, void* hint) {
  instance = data;
  finalize = callback;
  return napi_ok;
}

napi_status napi_create_bigint_uint64(napi_env env, uint64_t number, napi_value* value) {
  *value = &result;
  return napi_ok;
}

napi_status napi_define_class(napi_env env, const char* name, size_t length,
                              napi_callback constructor, void* data, size_t count,
                              const napi_property_descriptor* methods, napi_value* value) {
  *value = &result;
  return napi_ok;
}

napi_status napi_define_properties(napi_env env, napi_value object, size_t count,
                                   const napi_property_descriptor* given) {
  EXPECT(count <= sizeof properties / sizeof *properties);
  memcpy(properties, given, count * sizeof *given);
  property_count = count;
  return napi_ok;
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count,
                             napi_value* values, napi_value* self, void** data) {
  if (count != NULL) {
    EXPECT(*count == info->count);
    memcpy(values, info->arguments, *count * sizeof *values);
  }
  if (data != NULL) *data = info->data;
  return napi_ok;
}

napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t* out) {
  *out = (int32_t)value->number;
  return napi_ok;
}

napi_status napi_get_value_int64(napi_env env, napi_value value, int64_t* out) {
  *out = (int64_t)value->number;
  return napi_ok;
}

napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* buffer,
                                     size_t* offset) {
  *type = napi_uint8_array;
  *length = value->length;
  *data = value->data;
  return napi_ok;
}

napi_status napi_create_int32(napi_env env, int32_t number, napi_value* value) {
  result.number = number;
  *value = &result;
  return napi_ok;
}

static int call(const char* name, size_t count, struct napi_value__* given) {
  napi_value pointers[8];
  for (size_t i = 0; i < count; i++) pointers[i] = &given[i];
  for (size_t i = 0; i < property_count; i++) {
    if (properties[i].method == NULL || strcmp(properties[i].utf8name, name) != 0) continue;
    struct napi_callback_info__ info = {count, pointers, properties[i].data};
    napi_value value = properties[i].method(NULL, &info);
    return value == NULL ? 0 : (int)value->number;
  }
  fprintf(stderr, "there is no %s\n", name);
  exit(1);
}

#define NUMBER(value) \
  { value, NULL, 0 }
#define BYTES(value) \
  { 0, &(value), sizeof(value) }
#define CALL(name, ...)                                                   \
  call(name, sizeof((struct napi_value__[]){__VA_ARGS__}) / sizeof(area), \
       (struct napi_value__[]){__VA_ARGS__})

static void load(const char* path) {
  void* addon = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (addon == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  int32_t (*version)(void) = (int32_t(*)(void))dlsym(addon, "node_api_module_get_api_version_v1");
  napi_value (*init)(napi_env, napi_value) =
      (napi_value(*)(napi_env, napi_value))dlsym(addon, "napi_register_module_v1");
  EXPECT(version() == 8);
  EXPECT(init(NULL, &exports) == &exports);
}

static void try_options(int fd) {
  int timeout = 4321;
  int got = 0;
  socklen_t length = sizeof got;
  EXPECT(CALL("setBytes", NUMBER(fd), NUMBER(IPPROTO_TCP), NUMBER(TCP_USER_TIMEOUT),
              BYTES(timeout)) == 0);
  EXPECT(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &got, &length) == 0 && got == timeout);
  got = 0;
  EXPECT(CALL("getBytes", NUMBER(fd), NUMBER(IPPROTO_TCP), NUMBER(TCP_USER_TIMEOUT), BYTES(got)) ==
         4);
  EXPECT(got == timeout);
  EXPECT(CALL("getBytes", NUMBER(-1), NUMBER(IPPROTO_TCP), NUMBER(TCP_USER_TIMEOUT), BYTES(got)) ==
         -EBADF);
}

// native/batch.h: the socket, a count, an index; then level, option, length, padding and the value.
static void try_batch(int fd) {
  struct {
    double socket;
    int count, failed, level, option, length, padding, value;
  } batch = {fd, 1, 0, IPPROTO_TCP, TCP_USER_TIMEOUT, 4, 0, 0};
  memcpy(area.data, &batch, sizeof batch);
  EXPECT(call("getBatch", 0, NULL) == 0);
  memcpy(&batch, area.data, sizeof batch);
  EXPECT(batch.value == 4321);
}

static void try_listener(int fd, int has_queues) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  const int* queue = area.data;
  EXPECT(CALL("bind", NUMBER(fd), BYTES(address)) == 0);
  EXPECT(CALL("listen", NUMBER(fd), NUMBER(7)) == 0);
  EXPECT(getsockname(fd, (struct sockaddr*)&address, &length) == 0);
  EXPECT(CALL("accept", NUMBER(fd)) == -EAGAIN);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT(connect(client, (struct sockaddr*)&address, length) == 0);
  EXPECT(CALL("getAcceptQueue", NUMBER(fd)) == 0);
  if (has_queues) EXPECT(queue[0] == 1 && queue[1] == 7);
  const int accepted = CALL("accept", NUMBER(fd));
  EXPECT(accepted >= 0 && CALL("peerState", NUMBER(accepted)) == 0);
  EXPECT(send(client, "seven..", 7, 0) == 7);
  EXPECT(CALL("peerState", NUMBER(accepted)) == 4);
  EXPECT(CALL("ioctl", NUMBER(accepted), NUMBER(FIONREAD), NUMBER(0), NUMBER(4)) >= 0);
  EXPECT(*queue == 7);
  const int second = CALL("duplicate", NUMBER(accepted));
  EXPECT(second >= 0 && CALL("disconnect", NUMBER(second)) == 0);
  EXPECT(CALL("close", NUMBER(second)) == 0 && CALL("close", NUMBER(second)) == -EBADF);
}

// Through netlink, and /proc for the inode.
static void try_unix_listener(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int* queue = area.data;
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  // An abstract address of the kernel's choice: no file.
  EXPECT(bind(fd, (struct sockaddr*)&address, sizeof address.sun_family) == 0 &&
         listen(fd, 5) == 0);
  EXPECT(CALL("getAcceptQueue", NUMBER(fd)) == 0 && queue[0] == 0 && queue[1] == 5);
}

int main(int count, char** arguments) {
  EXPECT(count >= 2);
  load(arguments[1]);
  const int fd = CALL("open", NUMBER(AF_INET), NUMBER(SOCK_STREAM), NUMBER(0));
  EXPECT(fd >= 0);
  try_options(fd);
  try_batch(fd);
  try_listener(fd, count == 2);
  if (count == 2) try_unix_listener();
  finalize(NULL, instance, NULL);
  EXPECT(references == 0);
  puts("ok");
  return 0;
}
