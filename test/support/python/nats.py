# Law: stands in for nats-py where it is not installed: as much of its interface as examples/clients/ask.py uses, over a plain socket
# and the NATS text protocol, so that the example is run against a real server and a real mesh.
import asyncio
import json
import uuid
from urllib.parse import urlparse


class Message:
    def __init__(self, data: bytes):
        self.data = data


class Subscription:
    def __init__(self):
        self.queue: asyncio.Queue = asyncio.Queue()

    @property
    async def messages(self):
        while True:
            yield await self.queue.get()


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.subscriptions: dict[str, Subscription] = {}
        self.task = asyncio.create_task(self.read())

    async def read(self):
        while line := await self.reader.readline():
            words = line.decode().split()
            if words[0] == "PING":
                self.writer.write(b"PONG\r\n")
            elif words[0] in ("MSG", "HMSG"):
                size = int(words[-1])
                headers = int(words[-2]) if words[0] == "HMSG" else 0
                data = (await self.reader.readexactly(size + 2))[headers:-2]
                self.subscriptions[words[2]].queue.put_nowait(Message(data))
            elif words[0] == "-ERR":
                raise RuntimeError(line.decode())

    def new_inbox(self) -> str:
        return "_INBOX." + uuid.uuid4().hex

    async def subscribe(self, subject: str) -> Subscription:
        number = str(len(self.subscriptions) + 1)
        self.subscriptions[number] = Subscription()
        self.writer.write(f"SUB {subject} {number}\r\n".encode())
        return self.subscriptions[number]

    async def publish(self, subject: str, payload: bytes = b"", reply: str = ""):
        self.writer.write(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")
        await self.writer.drain()

    async def request(self, subject: str, payload: bytes = b"", timeout: float = 1) -> Message:
        inbox = self.new_inbox()
        answers = await self.subscribe(inbox)
        await self.publish(subject, payload, reply=inbox)
        return await asyncio.wait_for(answers.queue.get(), timeout)

    async def close(self):
        self.task.cancel()
        self.writer.close()


async def connect(url: str) -> Connection:
    at = urlparse(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    await reader.readline()
    options = {"verbose": False, "headers": True, "no_responders": True, "user": at.username, "pass": at.password}
    writer.write(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
    await reader.readline()
    return Connection(reader, writer)
