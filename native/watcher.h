// Tells JavaScript when a socket can be read, so that a listener accepts only when it is asked.
// libuv's poll handle, which Node's own event loop drives: nothing turns while nothing comes.

#ifndef NET_SOCKOPT_WATCHER_H_
#define NET_SOCKOPT_WATCHER_H_

#include <node_api.h>

// The class `Watcher`: new Watcher(socket, onReadable), start(), stop(), close(). It never keeps
// the process alive by itself. Each method returns 0 or a negated error; closed, it is EBADF.
//
// The descriptor must be one that nothing else has, and is closed with the watcher: when an
// environment ends, Node closes its own while libuv still has it to watch, and aborts
// (uv__epoll_ctl_prep). If the constructor throws, it stays the caller's.
napi_value DefineWatcher(napi_env env);

#endif  // NET_SOCKOPT_WATCHER_H_
