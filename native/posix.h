// What posix.cc has for darwin.cc too.

#ifndef NET_SOCKOPT_POSIX_H_
#define NET_SOCKOPT_POSIX_H_

// A new descriptor, or -1 and errno, as a result: non-blocking, closed on exec.
int Ours(int fd);

#endif  // NET_SOCKOPT_POSIX_H_
