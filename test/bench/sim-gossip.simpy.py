# Law: the gossip work of runGossipsub (v1.0) as a SimPy user writes it: a process per message and per node's heartbeat. SimPy 2 of Debian.
import json, random, resource, sys
from SimPy.Simulation import Process, activate, hold, initialize, now, simulate

nodes, messages, seed = (int(each) for each in sys.argv[1:4])
WANTED, LOW, HIGH, GOSSIP, WINDOWS, DIALS, SOURCES = 6, 4, 12, 6, 3, 20, 5
chance = random.Random(seed)
peers = [[] for _ in range(nodes)]
mesh = [[] for _ in range(nodes)]
recent = [[] for _ in range(nodes)]
beats = [0] * nodes
seen = [bytearray(messages) for _ in range(nodes)]
pairs = {}
count = {'delivered': 0, 'events': 0, 'message': 0}


def latency(a, b):
    pair = (a, b) if a < b else (b, a)
    base = pairs.get(pair)
    if base is None:
        base = pairs[pair] = 0.010 + 0.140 * chance.random()
    return base * (1 + 0.1 * chance.random())


class Message(Process):
    def travel(self, kind, source, target, word):
        yield hold, self, latency(source, target)
        count['events'] += 1
        kind(source, target, word)


def send(kind, source, target, word=None):
    message = Message()
    activate(message, message.travel(kind, source, target, word))


def on_message(source, target, message):
    if seen[target][message]:
        return
    seen[target][message] = 1
    count['delivered'] += 1
    recent[target].append((message, beats[target]))
    for peer in mesh[target]:
        if peer != source:
            count['message'] += 1
            send(on_message, target, peer, message)


def on_ihave(source, target, offered):
    wanted = [message for message in offered if not seen[target][message]]
    if wanted:
        send(on_iwant, target, source, wanted)


def on_iwant(source, target, wanted):
    for message in wanted:
        count['message'] += 1
        send(on_message, target, source, message)


def on_graft(source, target, _):
    if source not in mesh[target]:
        mesh[target].append(source)


def on_prune(source, target, _):
    if source in mesh[target]:
        mesh[target].remove(source)


def on_connect(source, target, _):
    if source not in peers[target]:
        peers[target].append(source)


class Heartbeat(Process):
    def beat(self, node):
        yield hold, self, 1 + chance.random()
        while True:
            count['events'] += 1
            own = mesh[node]
            if len(own) < LOW:
                candidates = [peer for peer in peers[node] if peer not in own]
                for peer in chance.sample(candidates, min(WANTED - len(own), len(candidates))):
                    own.append(peer)
                    send(on_graft, node, peer)
            elif len(own) > HIGH:
                for peer in chance.sample(own, len(own) - WANTED):
                    own.remove(peer)
                    send(on_prune, node, peer)
            beats[node] += 1
            recent[node] = kept = [each for each in recent[node] if each[1] >= beats[node] - WINDOWS]
            if kept:
                candidates = [peer for peer in peers[node] if peer not in own]
                offered = [message for message, _ in kept]
                for peer in chance.sample(candidates, min(GOSSIP, len(candidates))):
                    send(on_ihave, node, peer, offered)
            yield hold, self, 1


class Driver(Process):
    def publish(self, sources):
        yield hold, self, 10
        for message in range(messages):
            count['events'] += 1
            on_message(-1, chance.choice(sources), message)
            yield hold, self, 1


initialize()
for node in range(nodes):
    others = set()
    while len(others) < min(DIALS, nodes - 1):
        other = chance.randrange(nodes)
        if other != node:
            others.add(other)
    for other in others:
        if other not in peers[node]:
            peers[node].append(other)
            send(on_connect, node, other)
    heartbeat = Heartbeat()
    activate(heartbeat, heartbeat.beat(node))
driver = Driver()
activate(driver, driver.publish(chance.sample(range(nodes), min(SOURCES, nodes))))
simulate(until=20 + messages)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    'events': count['events'], 'delivered': count['delivered'], 'messages': count['message'],
    'cpuSeconds': used.ru_utime + used.ru_stime, 'rssBytes': used.ru_maxrss * 1024, 'virtualSeconds': 20 + messages,
}))
