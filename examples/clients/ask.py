# Asks a mesh over NATS and prints its certified answer, as ask.ts does. Needs nats-py (pip install nats-py).
# The repository's tests run it with nats-py (2.15.0) where that is installed, and with a stand-in over a plain socket elsewhere.
#   NATS_URL=nats://client:PASSWORD@localhost:4222 python3 ask.py "total revenue per region in sales.csv, top 5" sales.csv
import asyncio
import base64
import json
import os
import sys
import uuid
from pathlib import Path

import nats


async def main(words: str, paths: list[str]) -> int:
    connection = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    files = [{"name": Path(p).name, "content": base64.b64encode(Path(p).read_bytes()).decode()} for p in paths]
    key = os.environ.get("KEY", str(uuid.uuid4()))
    intent = json.dumps({"words": words, "files": files, "idempotencyKey": key})
    reply = json.loads((await connection.request("parley.intent.submit", intent.encode(), timeout=30)).data)
    if not reply["ok"]:
        print(reply["error"]["message"], reply["error"].get("hint", ""), file=sys.stderr)
        return 1
    print(f"workflow {reply['workflow']}, key {key}", file=sys.stderr)
    inbox = connection.new_inbox()
    messages = await connection.subscribe(inbox)
    await connection.publish(f"parley.workflow.{reply['workflow']}.follow", b"", reply=inbox)
    code = 1
    async for message in messages.messages:
        if not message.data:
            break
        told = json.loads(message.data)
        if told.get("type") == "outcome":
            print(json.dumps(told.get("result", told), indent=2))
            if "certificate" in told:
                Path("certificate.json").write_bytes(base64.b64decode(told["certificate"]))
            code = 0 if told["state"] == "completed" else 1
    await connection.close()
    return code


sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2:])))
