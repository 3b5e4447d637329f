"""The cases of the comparison as an asyncio program does them, on asyncio's loop or on uvloop's."""
# SPDX-License-Identifier: BSL-1.0
import asyncio
import json
import os
import socket
import sys
import time

HOUR = 3600


class Meter:
    """Adds up the wall and processor time between start and stop, so that a case can leave its preparations out."""

    def __init__(self):
        self.wall = self.cpu = 0
        self.extras = {}

    def start(self):
        self.wall -= time.perf_counter_ns()
        self.cpu -= time.process_time_ns()

    def stop(self):
        self.cpu += time.process_time_ns()
        self.wall += time.perf_counter_ns()


async def trivial():
    pass


async def sleep_long():
    await asyncio.sleep(2 * HOUR)


async def start_sleepers(n):
    sleepers = [asyncio.create_task(sleep_long()) for _ in range(n)]
    await asyncio.sleep(0)
    return sleepers


async def create_await(m, n, sleepers):
    others = await start_sleepers(sleepers)
    m.start()
    for _ in range(n):
        await asyncio.create_task(trivial())
    m.stop()
    return others


async def spawn(m, n, tasks):
    m.start()
    for _ in range(-(-n // tasks)):
        started = [asyncio.create_task(trivial()) for _ in range(tasks)]
        for t in started:
            await t
    m.stop()


async def yield_often(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def yield_(m, n, tasks):
    started = [asyncio.create_task(yield_often(n // tasks)) for _ in range(tasks)]
    await asyncio.sleep(0)
    m.start()
    for t in started:
        await t
    m.stop()


async def gather(m, n, tasks):
    m.start()
    for _ in range(-(-n // tasks)):
        await asyncio.gather(*(trivial() for _ in range(tasks)))
    m.stop()


async def group(m, n, tasks):
    m.start()
    for _ in range(-(-n // tasks)):
        async with asyncio.TaskGroup() as g:
            for _ in range(tasks):
                g.create_task(trivial())
    m.stop()


async def timeout(m, n, sleepers):
    others = await start_sleepers(sleepers)
    ready = asyncio.get_running_loop().create_future()
    ready.set_result(None)
    m.start()
    for _ in range(n):
        async with asyncio.timeout(HOUR):
            await ready
    m.stop()
    return others


async def timeout_turn(m, n, sleepers):
    others = await start_sleepers(sleepers)
    m.start()
    for _ in range(n):
        async with asyncio.timeout(HOUR):
            await asyncio.sleep(0)
    m.stop()
    return others


async def fail(depth):
    if depth > 1:
        await fail(depth - 1)
    raise RuntimeError("failed")


async def exception(m, n, depth):
    m.start()
    for _ in range(n):
        try:
            await asyncio.create_task(fail(depth))
        except RuntimeError:
            pass
    m.stop()


async def sleep_in(depth):
    if depth > 1:
        await sleep_in(depth - 1)
    else:
        await asyncio.sleep(HOUR)


async def cancel(tasks):
    for t in tasks:
        t.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def sleepers(m, n, _):
    before = resident_bytes()
    creation = Meter()
    creation.start()
    tasks = [asyncio.create_task(sleep_in(1)) for _ in range(n)]
    await asyncio.sleep(0)
    creation.stop()
    m.extras = {"bytes": (resident_bytes() - before) / n, "create_ns": creation.cpu}
    m.start()
    await cancel(tasks)
    m.stop()


async def cancel_depth(m, n, depth):
    for begin in range(0, n, 1000):
        tasks = [asyncio.create_task(sleep_in(depth)) for _ in range(min(n - begin, 1000))]
        await asyncio.sleep(0)
        m.start()
        await cancel(tasks)
        m.stop()


async def cancel_among(m, n, sleepers):
    others = await start_sleepers(sleepers)
    await cancel_depth(m, n, 1)
    return others


async def pass_on(there, back, n):
    for _ in range(n):
        await back.put(await there.get())


async def queue_pingpong(m, n, _):
    there, back = asyncio.Queue(1), asyncio.Queue(1)
    other = asyncio.create_task(pass_on(there, back, n))
    m.start()
    for _ in range(n):
        await there.put(1)
        await back.get()
    m.stop()
    await other


async def produce(q, n):
    for _ in range(n):
        await q.put(1)


async def queue_prodcons(m, n, capacity):
    q = asyncio.Queue(capacity)
    m.start()
    producer = asyncio.create_task(produce(q, n))
    for _ in range(n):
        await q.get()
    m.stop()
    await producer


async def consume(q):
    while True:
        await q.get()


async def queue_getters(m, n, getters):
    q = asyncio.Queue()
    tasks = [asyncio.create_task(consume(q)) for _ in range(getters)]
    await asyncio.sleep(0)
    m.start()
    for _ in range(n):
        q.put_nowait(1)
        await asyncio.sleep(0)
    m.stop()
    return tasks


async def answer(ping, pong, n):
    for _ in range(n):
        await ping.wait()
        ping.clear()
        pong.set()


async def event_pingpong(m, n, _):
    ping, pong = asyncio.Event(), asyncio.Event()
    other = asyncio.create_task(answer(ping, pong, n))
    m.start()
    for _ in range(n):
        ping.set()
        await pong.wait()
        pong.clear()
    m.stop()
    await other


async def wait_often(e, n):
    for _ in range(n):
        await e.wait()


async def event_waiters(m, n, waiters):
    e = asyncio.Event()
    rounds = -(-n // waiters)
    tasks = [asyncio.create_task(wait_often(e, rounds)) for _ in range(waiters)]
    await asyncio.sleep(0)
    m.start()
    for _ in range(rounds):
        e.set()
        e.clear()
        await asyncio.sleep(0)
    m.stop()
    for t in tasks:
        await t


async def lock_uncontended(m, n, _):
    lock = asyncio.Lock()
    m.start()
    for _ in range(n):
        async with lock:
            pass
    m.stop()


async def lock_and_yield(lock, n):
    for _ in range(n):
        async with lock:
            await asyncio.sleep(0)


async def lock_contended(m, n, tasks):
    lock = asyncio.Lock()
    await lock.acquire()
    started = [asyncio.create_task(lock_and_yield(lock, -(-n // tasks))) for _ in range(tasks)]
    await asyncio.sleep(0)
    m.start()
    lock.release()
    for t in started:
        await t
    m.stop()


async def in_threads(m, functions):
    m.start()
    await asyncio.gather(*(asyncio.to_thread(f) for f in functions))
    m.stop()


async def thread_roundtrip(m, n, _):
    loop = asyncio.get_running_loop()

    def ask():
        for _ in range(n):
            asyncio.run_coroutine_threadsafe(trivial(), loop).result()

    await in_threads(m, [ask])


async def thread_submit(m, n, threads):
    loop = asyncio.get_running_loop()

    def submit():
        for begin in range(0, n // threads, 1000):
            batch = range(min(n // threads - begin, 1000))
            for f in [asyncio.run_coroutine_threadsafe(trivial(), loop) for _ in batch]:
                f.result()

    await in_threads(m, [submit] * threads)


async def thread_queue(m, n, capacity):
    loop = asyncio.get_running_loop()
    q = asyncio.Queue(capacity)
    consumer = asyncio.create_task(get_all(q, n))

    def put():
        for i in range(n):
            asyncio.run_coroutine_threadsafe(q.put(i), loop).result()

    await in_threads(m, [put])
    await consumer


async def get_all(q, n):
    for _ in range(n):
        await q.get()


async def echo_stream(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def echo_streams(_m, port, _):
    server = await asyncio.start_server(echo_stream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


class EchoProtocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.transport.write(data)


async def echo_protocol(_m, port, _):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoProtocol, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


CASES = {f.__name__.rstrip("_"): f for f in (
    create_await, spawn, yield_, gather, group, timeout, timeout_turn, exception, sleepers, cancel_depth,
    cancel_among, queue_pingpong, queue_prodcons, queue_getters, event_pingpong, event_waiters, lock_uncontended, lock_contended,
    thread_roundtrip, thread_submit, thread_queue, echo_streams, echo_protocol)}


async def run(case, n, size):
    asyncio.get_running_loop().call_later(24 * HOUR, lambda: None)
    m = Meter()
    kept = await CASES[case](m, n, size)
    result = {"case": case, "n": n, "size": size, "wall_ns": m.wall, "cpu_ns": m.cpu}
    print(json.dumps(result | m.extras), flush=True)
    del kept
    os._exit(0)  # taking a million tasks apart is not part of any case but `sleepers`


def main():
    arguments = [a for a in sys.argv[1:] if a != "--uvloop"]
    good = 2 <= len(arguments) <= 3 and arguments[0] in CASES and all(a.isdecimal() for a in arguments[1:])
    if not good:
        sys.exit(f"usage: {sys.argv[0]} [--uvloop] CASE N [SIZE]; for an echo server N is the port\n"
                 f"cases: {' '.join(CASES)}")
    if "--uvloop" in sys.argv:
        import uvloop
        uvloop.install()
    asyncio.run(run(arguments[0], int(arguments[1]), int(arguments[2]) if len(arguments) > 2 else 0))


if __name__ == "__main__":
    main()
