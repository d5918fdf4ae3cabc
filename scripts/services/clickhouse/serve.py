"""Serves ClickHouse over HTTP: libchdb holds all of `clickhouse local`, which can listen like a server.

python3 serve.py <libchdb.so> <data folder> <port>; ends in order with SIGTERM.
"""

import ctypes
import os
import signal
import sys
import threading

library, data, port = sys.argv[1:]
until_stopped, stop = os.pipe()
# The engine listens while a query runs: this one reads a pipe whose end is SIGTERM.
queries = f"SYSTEM START LISTEN HTTP; SELECT count() FROM file('/dev/fd/{until_stopped}', 'LineAsString', 'line String') FORMAT Null"
arguments = [
    "clickhouse",
    f"--path={data}",
    "--listen_host=127.0.0.1",
    f"--http_port={port}",
    f"--query={queries}",
]

chdb = ctypes.CDLL(library)
chdb.chdb_query_cmdline.restype = ctypes.c_void_p
chdb.chdb_result_error.restype = ctypes.c_char_p
chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
exit_code = 0


def serve():
    global exit_code
    argv = (ctypes.c_char_p * len(arguments))(*(argument.encode() for argument in arguments))
    error = chdb.chdb_result_error(chdb.chdb_query_cmdline(len(arguments), argv))
    if error:
        print(error.decode(), file=sys.stderr, flush=True)
        exit_code = 1


signal.signal(signal.SIGTERM, lambda *_: os.close(stop))
server = threading.Thread(target=serve)
server.start()
server.join()
sys.stdout.flush()
os._exit(exit_code)
