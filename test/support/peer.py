"""The other end of connections, in bare system calls: what recv() returns, no stream of Node's in between.

Reads commands as lines of JSON, answers each with one. A command that blocks does so in a thread of its own.
"""

import ctypes
import errno
import json
import socket
import struct
import sys
import threading

sockets = {}
writing = threading.Lock()

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
DROP = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0))
PROGRAM = struct.pack('HL', 1, ctypes.addressof(DROP))


def connect(name, port, window):
    s = socket.socket()
    if window:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    s.connect(('127.0.0.1', port))
    sockets[name] = s
    return {'port': sockets[name].getsockname()[1]}


def send(name, size, byte='x'):
    sockets[name].sendall(byte.encode() * size)
    return {}


def read(name, timeout=10):
    """Reads on until something else than data comes."""
    s = sockets[name]
    s.settimeout(timeout)
    size, head = 0, b''
    while True:
        try:
            data = s.recv(1 << 20)
        except socket.timeout:
            return {'size': size, 'head': head.decode('latin1'), 'then': 'nothing'}
        except OSError as error:
            return {'size': size, 'head': head.decode('latin1'), 'then': errno.errorcode[error.errno]}
        if not data:
            return {'size': size, 'head': head.decode('latin1'), 'then': 'end'}
        size += len(data)
        head = (head + data)[:64]


def error(name):
    """SO_ERROR, which a RST behind an end leaves."""
    number = sockets[name].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return {'code': errno.errorcode[number] if number else 'none'}


def deaf(name):
    sockets[name].setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, PROGRAM)
    return {}


def heal(name):
    sockets[name].setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    return {}


def finish(name):
    sockets[name].shutdown(socket.SHUT_WR)
    return {}


def close(name):
    sockets.pop(name).close()
    return {}


def reset(name):
    sockets[name].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    return close(name)


def run(number, command, arguments):
    try:
        answer = globals()[command](**arguments)
    except Exception as problem:
        answer = {'failed': repr(problem)}
    with writing:
        print(json.dumps({'number': number, **answer}), flush=True)


for line in sys.stdin:
    threading.Thread(target=run, args=json.loads(line), daemon=True).start()
