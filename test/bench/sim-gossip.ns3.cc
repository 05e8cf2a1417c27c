// Law: the gossip work of runGossipsub (v1.0) as an ns-3 user writes it: one Simulator::Schedule per message and per heartbeat.
// Before ns-3, whose headers of this version rely on it.
#include <cstring>

#include <ns3/core-module.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <unordered_set>
#include <vector>

using List = std::shared_ptr<std::vector<int>>;
enum Kind { MESSAGE, IHAVE, IWANT, GRAFT, PRUNE, CONNECT };

static const int kWanted = 6, kLow = 4, kHigh = 12, kGossip = 6, kWindows = 3, kDials = 20, kSources = 5;
static int nodes, messages;
static std::mt19937 chance;
static std::vector<std::vector<int>> peers, mesh;
static std::vector<std::vector<std::pair<int, int>>> recent;
static std::vector<int> beats;
static std::vector<uint8_t> seen;
static uint64_t events = 0, delivered = 0, sentMessages = 0, seedWord;

static double Uniform() { return chance() / 4294967296.0; }

// The base of a pair comes from a hash, as Parley's does: no table of pairs.
static double Base(int a, int b) {
  uint64_t x = (uint64_t)std::min(a, b) << 32 | (uint32_t)std::max(a, b);
  x ^= seedWord;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return 10e3 + 140e3 * (x >> 11) * 0x1.0p-53;
}

static void Handle(Kind kind, int from, int to, int word, List list);

static void Send(Kind kind, int from, int to, int word, List list) {
  double us = Base(from, to) * (1 + 0.1 * Uniform());
  ns3::Simulator::Schedule(ns3::MicroSeconds((int64_t)us), &Handle, kind, from, to, word, list);
}

static bool Has(const std::vector<int> &all, int one) { return std::find(all.begin(), all.end(), one) != all.end(); }

static std::vector<int> Pick(std::vector<int> items, size_t count) {
  count = std::min(count, items.size());
  for (size_t i = 0; i < count; i++) std::swap(items[i], items[i + chance() % (items.size() - i)]);
  items.resize(count);
  return items;
}

static std::vector<int> Outside(int node) {
  std::vector<int> found;
  for (int peer : peers[node])
    if (!Has(mesh[node], peer)) found.push_back(peer);
  return found;
}

static void Deliver(int node, int from, int message) {
  uint8_t &was = seen[(size_t)node * messages + message];
  if (was) return;
  was = 1;
  delivered++;
  recent[node].push_back({message, beats[node]});
  for (int peer : mesh[node])
    if (peer != from) {
      sentMessages++;
      Send(MESSAGE, node, peer, message, nullptr);
    }
}

static void Handle(Kind kind, int from, int to, int word, List list) {
  events++;
  switch (kind) {
    case MESSAGE:
      Deliver(to, from, word);
      break;
    case IHAVE: {
      auto wanted = std::make_shared<std::vector<int>>();
      for (int message : *list)
        if (!seen[(size_t)to * messages + message]) wanted->push_back(message);
      if (!wanted->empty()) Send(IWANT, to, from, 0, wanted);
      break;
    }
    case IWANT:
      for (int message : *list) {
        sentMessages++;
        Send(MESSAGE, to, from, message, nullptr);
      }
      break;
    case GRAFT:
      if (!Has(mesh[to], from)) mesh[to].push_back(from);
      break;
    case PRUNE:
      mesh[to].erase(std::remove(mesh[to].begin(), mesh[to].end(), from), mesh[to].end());
      break;
    case CONNECT:
      if (!Has(peers[to], from)) peers[to].push_back(from);
      break;
  }
}

static void Heartbeat(int node) {
  events++;
  std::vector<int> &own = mesh[node];
  if ((int)own.size() < kLow) {
    for (int peer : Pick(Outside(node), kWanted - own.size())) {
      own.push_back(peer);
      Send(GRAFT, node, peer, 0, nullptr);
    }
  } else if ((int)own.size() > kHigh) {
    for (int peer : Pick(own, own.size() - kWanted)) {
      own.erase(std::remove(own.begin(), own.end(), peer), own.end());
      Send(PRUNE, node, peer, 0, nullptr);
    }
  }
  int beat = ++beats[node];
  auto &kept = recent[node];
  kept.erase(std::remove_if(kept.begin(), kept.end(), [beat](auto &each) { return each.second < beat - kWindows; }),
             kept.end());
  if (!kept.empty()) {
    auto offered = std::make_shared<std::vector<int>>();
    for (auto &each : kept) offered->push_back(each.first);
    for (int peer : Pick(Outside(node), kGossip)) Send(IHAVE, node, peer, 0, offered);
  }
  ns3::Simulator::Schedule(ns3::MicroSeconds(1000000), &Heartbeat, node);
}

static void Publish(int source, int message) {
  events++;
  Deliver(source, -1, message);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  nodes = atoi(argv[1]);
  messages = atoi(argv[2]);
  chance.seed(atoi(argv[3]));
  seedWord = ((uint64_t)chance() << 32) | chance();
  peers.resize(nodes);
  mesh.resize(nodes);
  recent.resize(nodes);
  beats.assign(nodes, 0);
  seen.assign((size_t)nodes * messages, 0);
  for (int node = 0; node < nodes; node++) {
    std::unordered_set<int> others;
    while ((int)others.size() < std::min(kDials, nodes - 1)) {
      int other = chance() % nodes;
      if (other != node) others.insert(other);
    }
    for (int other : others)
      if (!Has(peers[node], other)) {
        peers[node].push_back(other);
        Send(CONNECT, node, other, 0, nullptr);
      }
    ns3::Simulator::Schedule(ns3::MicroSeconds(1000000 + chance() % 1000000), &Heartbeat, node);
  }
  std::vector<int> all(nodes);
  for (int i = 0; i < nodes; i++) all[i] = i;
  std::vector<int> sources = Pick(all, kSources);
  for (int message = 0; message < messages; message++)
    ns3::Simulator::Schedule(ns3::MicroSeconds(10000000 + (int64_t)message * 1000000), &Publish,
                             sources[chance() % sources.size()], message);
  ns3::Simulator::Stop(ns3::Seconds(20 + messages));
  ns3::Simulator::Run();
  ns3::Simulator::Destroy();
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6 + used.ru_stime.tv_sec + used.ru_stime.tv_usec / 1e6;
  printf("{\"events\":%llu,\"delivered\":%llu,\"messages\":%llu,\"cpuSeconds\":%f,\"rssBytes\":%ld,\"virtualSeconds\":%d}\n",
         (unsigned long long)events, (unsigned long long)delivered, (unsigned long long)sentMessages, cpu, used.ru_maxrss * 1024L,
         20 + messages);
  return 0;
}
