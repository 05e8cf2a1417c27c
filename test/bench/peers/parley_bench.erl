%% Law: Erlang as its documentation uses it, on one scheduler, so that its CPU time is comparable; `ask` is gen_server:call.
%% Usage: erl +S 1:1 -noshell -s parley_bench main CASE
-module(parley_bench).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2]).

main([Case]) ->
    Rounds = 5,
    calibrate(),
    Loop = calibrate(),
    Text = case atom_to_list(Case) of
        "idle" -> io_lib:format("{\"best\":~p,\"loopMs\":~p}", [idle(100000), Loop]);
        "queue of " ++ _ -> "{\"absent\":true}";
        Absent when Absent =:= "gap"; Absent =:= "ping-pong, traced" -> "{\"absent\":true}";
        Name ->
            [_ | Figures] = [one(Name) || _ <- lists:seq(1, Rounds)],
            Sorted = lists:sort(Figures),
            io_lib:format("{\"best\":~p,\"median\":~p,\"loopMs\":~p}",
                          [hd(Sorted), lists:nth(length(Sorted) div 2 + 1, Sorted), Loop])
    end,
    io:format("~s~n", [Text]),
    halt(0).

%% CPU nanoseconds per operation.
one(Name) ->
    Before = cpu(),
    Operations = run(Name),
    (cpu() - Before) * 1.0e6 / Operations.

cpu() -> {Ms, _} = statistics(runtime), Ms.

calibrate() -> Before = cpu(), loop(20000000, 1), cpu() - Before.
loop(0, X) -> X;
loop(N, X) -> loop(N - 1, (X * 1664525 + 1013904223) band 16#ffffffff).

run("ping-pong") -> ring(2, 1, 2000000);
run("ring, 1 token") -> ring(1000, 1, 2000000);
run("ring, 100 tokens") -> ring(1000, 100, 2000000);
run("fan-in, bounded") -> fan_in(20000, 100);
run("fan-in, flooded") -> fan_in(1, 1000000);
run("spawn") ->
    Self = self(),
    N = 200000,
    [spawn(fun() -> receive hop -> Self ! done end end) ! hop || _ <- lists:seq(1, N)],
    [receive done -> ok end || _ <- lists:seq(1, N)],
    N;
run("ask") ->
    {ok, Server} = gen_server:start(?MODULE, [], []),
    N = 300000,
    [gen_server:call(Server, get, 5000) || _ <- lists:seq(1, N)],
    gen_server:stop(Server),
    N.

ring(Actors, Tokens, Hops) ->
    Self = self(),
    Pids = [spawn(fun() -> receive {next, Next} -> hopper(Next, Self) end end) || _ <- lists:seq(1, Actors)],
    Nexts = tl(Pids) ++ [hd(Pids)],
    [Pid ! {next, Next} || {Pid, Next} <- lists:zip(Pids, Nexts)],
    [lists:nth(Token * Actors div Tokens + 1, Pids) ! {hop, Hops div Tokens} || Token <- lists:seq(0, Tokens - 1)],
    [receive done -> ok end || _ <- lists:seq(1, Tokens)],
    [exit(Pid, kill) || Pid <- Pids],
    Hops.

hopper(Next, Done) ->
    receive
        {hop, 0} -> Done ! done;
        {hop, Left} -> Next ! {hop, Left - 1}
    end,
    hopper(Next, Done).

fan_in(Rounds, PerRound) ->
    Self = self(),
    Sink = spawn(fun() -> sink(PerRound, PerRound, Self) end),
    [begin
         [Sink ! {hop, 0} || _ <- lists:seq(1, PerRound)],
         receive done -> ok end
     end || _ <- lists:seq(1, Rounds)],
    exit(Sink, kill),
    Rounds * PerRound.

sink(0, PerRound, Done) -> Done ! done, sink(PerRound, PerRound, Done);
sink(Left, PerRound, Done) -> receive {hop, _} -> sink(Left - 1, PerRound, Done) end.

idle(Actors) ->
    erlang:garbage_collect(),
    Before = erlang:memory(processes),
    Pids = [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, Actors)],
    timer:sleep(200),
    Bytes = (erlang:memory(processes) - Before) / length(Pids),
    Bytes.

init([]) -> {ok, 1}.
handle_call(get, _From, State) -> {reply, State, State}.
handle_cast(_Message, State) -> {noreply, State}.
