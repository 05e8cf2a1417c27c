%% Law: what a scenario should do is what the real supervisor does: it is run on it, and everything seen is written down in the order seen.
%% supervisor_oracle:main([Input, Output]): the file Input holds one term {Strategy, Intensity, AutoShutdown, Children, Operations}
%% per scenario, the file Output gets one line of text per scenario, its events apart by '|'.
-module(supervisor_oracle).
-export([main/1, init/1, start_child/2, child/3]).

%% Scenarios wait for their supervisors more than they compute.
-define(AT_ONCE, 64).

main([Input, Output]) ->
    logger:set_primary_config(level, none),
    {ok, Scenarios} = file:consult(Input),
    Traces = in_groups(Scenarios),
    ok = file:write_file(Output, [[lists:join("|", Trace), "\n"] || Trace <- Traces]),
    halt(0).

in_groups([]) -> [];
in_groups(Scenarios) ->
    {Now, Later} = lists:split(min(?AT_ONCE, length(Scenarios)), Scenarios),
    Running = [element(2, spawn_monitor(fun() -> exit({trace, trace(Scenario)}) end)) || Scenario <- Now],
    Traces = [receive {'DOWN', Ref, process, _, {trace, Trace}} -> Trace;
                      {'DOWN', Ref, process, _, Why} -> [io_lib:format("broken ~0p", [Why])] end || Ref <- Running],
    Traces ++ in_groups(Later).

init(Spec) -> {ok, Spec}.

trace({Strategy, Intensity, Auto, Children, Operations}) ->
    process_flag(trap_exit, true),
    Script = {self(), ets:new(script, [public])},
    Flags = #{strategy => Strategy, intensity => Intensity, period => 1000000, auto_shutdown => Auto},
    case supervisor:start_link(?MODULE, {Flags, [spec(Script, Child) || Child <- Children]}) of
        {error, _} -> ["bad_spec"];
        {ok, Supervisor} ->
            Started = events(),
            Started ++ perform(Supervisor, Script, Operations)
    end.

spec(Script, {Id, Restart, Significant}) ->
    #{id => Id, start => {?MODULE, start_child, [Script, Id]}, restart => Restart, significant => Significant,
      shutdown => 60000}.

perform(Supervisor, _, []) ->
    exit(Supervisor, shutdown),
    ended(Supervisor);
perform(Supervisor, Script, [Operation | Rest]) ->
    Answer = answer(Supervisor, Script, Operation),
    case settle(Supervisor) of
        dead -> [Answer] ++ events() ++ ["dead"] ++ ended(Supervisor);
        List -> [Answer] ++ events() ++ [shown(List)] ++ perform(Supervisor, Script, Rest)
    end.

ended(Supervisor) ->
    Reason = receive {'EXIT', Supervisor, Why} -> Why end,
    events() ++ ["sup:" ++ text(Reason)].

answer(_, {_, Table}, {fail, Id, Times}) -> ets:insert(Table, {{fail, Id}, Times}), "ok";
answer(_, {_, Table}, {ignore, Id}) -> ets:insert(Table, {{ignore, Id}, true}), "ok";
answer(Supervisor, _, {die, Id, Reason}) ->
    case lists:keyfind(Id, 1, supervisor:which_children(Supervisor)) of
        {_, Pid, _, _} when is_pid(Pid) ->
            Ref = monitor(process, Pid),
            case Reason of
                kill -> exit(Pid, kill);
                _ -> Pid ! {die, Reason}
            end,
            receive {'DOWN', Ref, process, _, _} -> ok end,
            "ok";
        _ -> "nochild"
    end;
answer(Supervisor, Script, {start, Id, Restart, Significant}) ->
    said(supervisor:start_child(Supervisor, spec(Script, {Id, Restart, Significant})));
answer(Supervisor, _, {terminate, Id}) -> said(supervisor:terminate_child(Supervisor, Id));
answer(Supervisor, _, {restart, Id}) -> said(supervisor:restart_child(Supervisor, Id));
answer(Supervisor, _, {delete, Id}) -> said(supervisor:delete_child(Supervisor, Id)).

said(ok) -> "ok";
said({ok, _}) -> "ok";
said({error, {already_started, _}}) -> "already_started";
said({error, {bad_combination, _}}) -> "bad_combination";
said({error, {scripted, _}}) -> "error_scripted";
said({error, scripted}) -> "error_scripted";
said({error, Word}) -> atom_to_list(Word).

%% Everything that the operation caused has happened: no child is dead unnoticed, none waits for its restart.
settle(Supervisor) ->
    try supervisor:which_children(Supervisor) of
        List ->
            Waiting = [Id || {Id, Child, _, _} <- List, Child =:= restarting orelse (is_pid(Child) andalso not is_process_alive(Child))],
            case Waiting of
                [] -> List;
                _ -> erlang:yield(), settle(Supervisor)
            end
    catch exit:_ -> dead
    end.

shown(List) ->
    "[" ++ lists:join(",", [[atom_to_list(Id), "=", run(Child)] || {Id, Child, _, _} <- List]) ++ "]".

run(undefined) -> "down";
run(restarting) -> "restarting";
run(_) -> "up".

text(Reason) when is_atom(Reason) -> atom_to_list(Reason);
text(Reason) -> io_lib:format("~0p", [Reason]).

%% The supervisor waits for each start, so its children's events are here before its answers are.
events() -> receive {event, Event} -> [Event | events()] after 0 -> [] end.

start_child({Owner, Table} = Script, Id) ->
    case ets:lookup(Table, {fail, Id}) of
        [{_, Times}] when Times > 0 ->
            ets:insert(Table, {{fail, Id}, Times - 1}),
            Owner ! {event, ["fail:", atom_to_list(Id)]},
            {error, scripted};
        _ ->
            case ets:lookup(Table, {ignore, Id}) of
                [] -> proc_lib:start_link(?MODULE, child, [self(), Script, Id]);
                _ -> Owner ! {event, ["ignore:", atom_to_list(Id)]}, ignore
            end
    end.

child(Parent, {Owner, _}, Id) ->
    process_flag(trap_exit, true),
    Owner ! {event, ["start:", atom_to_list(Id)]},
    proc_lib:init_ack(Parent, {ok, self()}),
    receive
        {die, Reason} -> exit(Reason);
        {'EXIT', Parent, Reason} -> Owner ! {event, ["stop:", atom_to_list(Id), ":", text(Reason)]}, exit(Reason)
    end.
