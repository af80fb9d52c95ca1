// From a handle of Node's to its socket, where Node tells no descriptor: on Windows.

#ifndef NET_SOCKOPT_FIND_SOCKET_H_
#define NET_SOCKOPT_FIND_SOCKET_H_

#include <node_api.h>

// findSocket(toggle): `toggle` switches the handle's ref state, and switches it back when it is
// called again. Returns the socket of the one TCP or UDP handle of this thread's loop whose state
// changes with it; EBADF if there is none, or none that has a socket yet.
napi_value FindSocket(napi_env env, napi_callback_info info);

#endif  // NET_SOCKOPT_FIND_SOCKET_H_
