// libuv, which Node has and Deno has not. With weak references the file loads there all the same,
// and only what needs libuv is refused. Windows looks functions up when they are first called.

#ifndef NET_SOCKOPT_LIBUV_H_
#define NET_SOCKOPT_LIBUV_H_

#include <uv.h>

#ifdef _WIN32
inline bool HasLibuv() { return true; }
#else
#pragma weak uv_close
#pragma weak uv_err_name
#pragma weak uv_fileno
#pragma weak uv_handle_get_type
#pragma weak uv_has_ref
#pragma weak uv_poll_init_socket
#pragma weak uv_poll_start
#pragma weak uv_poll_stop
#pragma weak uv_strerror
#pragma weak uv_unref
#pragma weak uv_walk
inline bool HasLibuv() { return uv_walk != nullptr; }
#endif

#endif  // NET_SOCKOPT_LIBUV_H_
