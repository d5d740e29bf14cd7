/* One request, two workers, one provider, people and a clock: at most one effect, and nothing
 * forgotten. What it means and how to run it: README.md beside this file.
 *
 * Each `atomic` is one transaction of the product, or one moment at the provider. Between two of
 * them anything else may happen, for as long as the clock likes: that is a worker held still by
 * SIGSTOP, a slow network, a person who thinks.
 */

/* --- What is fixed (approvals/timing.py), in steps of 15 s ---------------------------------- */

#ifndef LEASE
#define LEASE 4        /* 60 s */
#define START_WITHIN 2 /* a call leaves within half a lease of its claim, or not at all */
#define QUIET 2        /* QUIET_S: 30 s after it left, a request has arrived or never will */
#endif
#define MAX_ATTEMPTS 2
#define NOBODY 255     /* no age: no sent_at, no claim, no call on its way */

/* Progress can be promised only when faults and interference end. Safety needs no such bounds. */
#ifdef FORGETTING
#ifndef FAULTS
#define FAULTS 1
#define INTERVENTIONS 1
#endif
byte crashes = FAULTS;
byte lost_answers = FAULTS;    /* of look-ups; the calls themselves are bounded by their attempts */
byte stops = FAULTS;           /* a living worker that outlives its lease */
byte interventions = INTERVENTIONS;
#define spend(budget) (budget > 0) -> budget--
#else
#define spend(budget) true
#endif

/* -DREACH=… turns a landmark into an error: what the model is about must be reachable. */
#define DONE 1
#define SECOND_ATTEMPT 2
#define DONE_AFTER_DOUBT_AND_ABSENCE 3
#define FOUND_BY_LOOK_UP 4
#define FOUND_BY_ASKING_FIRST 5
#define STOPPED_TOO_LONG 6
#define TOO_LATE 7
#define LOST_TRACK_OF_DEAD_WORKER 8
#define TWO_WORKERS_AT_ONCE 9
#define LATE_ARRIVAL 10
#define WITHDRAWN_AFTER_AN_ATTEMPT 11
#define TRIED_AGAIN 12
#define SETTLED_AS_DONE 13
#define SETTLED_AS_NOT_DONE 14
#define LATE_FAILURE 15
#define HELD_BEFORE_A_RETRY 16
#define CROWD 17
#ifndef REACH
#define REACH 0
#endif
/* Each property carries its letter of README.md. */
#ifdef ONLY_AT_MOST_ONCE
#define promise(holds) skip
#else
#define promise(holds) assert(holds)
#endif
#define landmark(n) assert(REACH != n)
#define landmark_if(condition, n) assert(REACH != n || !(condition))

/* --- What is stored: the request and its effect (models/request.py, models/effect.py) ------- */

mtype:state = { approved, executing, retrying, in_doubt, needs_person, done, withdrawn }
mtype:state state = approved;
bool held = false;
bool job = true;               /* a wake-up waits in the queue; approval put the first one there */
byte attempts = 0;
byte lease = 0;                /* the time that is left of it */
byte since_sent = NOBODY;      /* age of sent_at; NOBODY says that nothing was sent */
bool was_unknown = false;      /* a try with an unknown outcome is on record */
bool settled = false;          /* settled_at, which a trigger keeps */

/* --- What each worker knows ----------------------------------------------------------------- */

mtype:result = { nothing, confirmed, refused, refused_for_good, absent, absent_too_early, unknown }
bool is_current[2];            /* its epoch is the stored one: all that the numbers are asked for */
byte since_claim[2] = NOBODY;
mtype:result seen[2] = nothing;

/* --- What two people found (commands/settle.py) --------------------------------------------- */

mtype:finding = { none, looked, proposed, looked_again }
mtype:finding finding = none;
bool found_it = false;

/* --- The world outside, which no line of the product can read ------------------------------- */

byte call[2] = NOBODY;         /* age of a request on its way, whose caller waits */
byte stray[QUIET] = 0;         /* requests on their way by age, whose callers have gone */
byte effects = 0;              /* caused, ever */
bool has_failed = false;       /* the bank gave the first one back */
bool was_absent = false;       /* absence was proven once */

#define in_force (effects - has_failed)
#define ended (state == done || state == needs_person || state == withdrawn)

ltl not_forgotten { []<> ended }

/* --- The rules whose absence the variants show ---------------------------------------------- */

#ifdef NO_QUIET_TIME
#define is_quiet true
#else
#define is_quiet (since_sent >= QUIET)
#endif

#ifdef PEOPLE_LOOK_TOO_EARLY
#define people_may_look true
#else
#define people_may_look is_quiet
#endif

#ifdef HOLD_IS_NOT_ASKED
#define waits_to_send (state == approved || state == retrying)
#else
#define waits_to_send (!held && (state == approved || state == retrying))
#endif

#ifdef NO_START_LIMIT
#define may_still_leave true
#else
#define may_still_leave (since_claim[w] <= START_WITHIN)
#endif

#ifdef NO_LOOK_UP
#define doubtful retrying
#define asks_first false
#else
#define doubtful in_doubt
#ifdef NO_ASK_FIRST
#define asks_first false
#else
#define asks_first was_unknown
#endif
#endif

#ifdef TRY_AGAIN_AFTER_DONE
#define may_try_again (since_sent == NOBODY)
#else
#define may_try_again (since_sent == NOBODY && !settled)
#endif

/* next_attempt_at and next_question_at may be any moment from now on: to wait is one of the runs.
 * So they also cover "ask the provider now", a webhook's hint and an operator's "now". */
#define is_due (lease == 0 && (waits_to_send || state == executing || state == in_doubt))

/* From here on pages say "nothing has changed", and withdrawing is allowed. */
inline nothing_was_sent() {
    promise(in_force == 0);
    since_sent = NOBODY
}

inline wake() { job = true }

/* --- The provider --------------------------------------------------------------------------- */

inline arrives(answer) {
    if
#ifndef PROVIDER_IGNORES_KEYS
    :: effects > 0 && !has_failed -> answer = confirmed
    :: effects > 0 && has_failed -> answer = refused_for_good
    :: effects == 0 ->
#else
    :: true ->
#endif
        if
        :: effects++;
           answer = confirmed;
           assert(in_force <= 1);                         /* (a) at most one effect */
           promise(state != withdrawn);                    /* (c) withdrawn: no effect */
           promise(since_sent != NOBODY)                   /* (g) "nothing was sent" was true */
        :: answer = refused
        :: answer = refused_for_good
        fi
    fi
}

/* What its records say at this moment; the answer may get lost. */
inline ask(answer) {
    if
    :: in_force > 0 -> answer = confirmed
    :: in_force == 0 && has_failed -> answer = refused_for_good
    :: in_force == 0 && !has_failed -> answer = absent
    :: spend(lost_answers) -> answer = unknown
    fi
}

inline deliver(w) {
    call[w] != NOBODY ->
    call[w] = NOBODY;
    if
    :: true -> arrives(seen[w])
    :: skip                                               /* lost on the way */
    fi
}

inline deliver_stray(age) {
    stray[age] > 0 ->
    stray[age]--;
    if
    :: true -> arrives(unread); unread = nothing; landmark(LATE_ARRIVAL)
    :: skip
    fi
}

proctype provider() {
    mtype:result unread = nothing;
end:
    do
    :: atomic { deliver(0) }
    :: atomic { deliver(1) }
    :: atomic { deliver_stray(0) }
#if QUIET > 1
    :: atomic { deliver_stray(1) }
#endif
#if QUIET > 2
    :: atomic { deliver_stray(2) }
#endif
    :: atomic { effects == 1 && !has_failed && spend(interventions) -> has_failed = true }
    od
}

/* --- A worker: execution.run ---------------------------------------------------------------- */

inline new_epoch() {
    is_current[0] = false;
    is_current[1] = false
}

inline begin() {
    new_epoch();
    is_current[w] = true;
    lease = LEASE;
    since_claim[w] = 0;
    landmark_if(since_claim[1 - w] != NOBODY, TWO_WORKERS_AT_ONCE)
}

inline claim_send() {
    promise(!held);                                        /* (f) held: no call begins */
    landmark_if(state == retrying, SECOND_ATTEMPT);
    state = executing;
    if :: attempts < MAX_ATTEMPTS -> attempts++ :: else fi;
    since_sent = 0;
#ifndef FINDINGS_OUTLIVE_A_CALL
    finding = none; found_it = false;
#endif
    begin()
}

inline lose_track_of_dead_worker() {
    landmark(LOST_TRACK_OF_DEAD_WORKER);
    new_epoch();
    was_unknown = true;
    state = doubtful;
    wake()
}

/* It waits no longer. What it sent may still be on its way. */
inline let_go() {
    if
    :: call[w] != NOBODY ->
        if
        :: stray[call[w]] < 2 -> stray[call[w]]++
        :: else -> landmark(CROWD)                        /* counted as lost */
        fi;
        call[w] = NOBODY
    :: else
    fi
}

inline forgets() {
    seen[w] = nothing;
    since_claim[w] = NOBODY;
    is_current[w] = false
}

inline dies() { let_go(); forgets() }

inline retry_or_give_up() {
    nothing_was_sent();
    if
    :: attempts < MAX_ATTEMPTS -> state = retrying; wake()
    :: else -> state = needs_person
    fi
}

inline succeed() {
    promise(effects > 0);                                  /* (d) done: one effect */
    landmark(DONE);
    landmark_if(was_absent, DONE_AFTER_DOUBT_AND_ABSENCE);
    landmark_if(state == in_doubt, FOUND_BY_LOOK_UP);
    state = done;
    settled = true
}

inline settle() {
    if
#ifdef NO_EPOCH
    :: settled || (state != executing && state != in_doubt) -> skip
#else
    :: settled || !is_current[w] -> landmark(TOO_LATE)
#endif
    :: else ->
        promise(is_current[w]);                           /* (b) a stale epoch writes nothing */
        lease = 0;
        if
        :: seen[w] == confirmed -> succeed()
        :: seen[w] == refused -> retry_or_give_up()
        :: seen[w] == refused_for_good -> nothing_was_sent(); state = needs_person
#ifdef ABSENCE_AS_OF_SETTLING
        :: (seen[w] == absent || seen[w] == absent_too_early) && is_quiet ->
            was_absent = true; retry_or_give_up()
        :: (seen[w] == absent || seen[w] == absent_too_early) && !is_quiet -> wake()
#else
        :: seen[w] == absent -> was_absent = true; retry_or_give_up()
        :: seen[w] == absent_too_early -> wake()
#endif
        :: seen[w] == unknown && state == executing ->
            was_unknown = true;
            state = doubtful;
#ifndef QUIET_COUNTS_FROM_CLAIM
            since_sent = 0;
#endif
            wake()
        :: seen[w] == unknown && state == in_doubt -> wake()
        fi
    fi
}

proctype worker(byte w) {
end:
idle:
    atomic {                                              /* _claim */
        job && is_due -> job = false;
        if
        :: spend(crashes) -> goto idle                    /* killed, and the job with it */
        :: state == executing -> lose_track_of_dead_worker(); goto idle
        :: waits_to_send -> state = needs_person; goto idle  /* the approval no longer counts */
        :: waits_to_send -> claim_send()
        :: state == in_doubt -> begin(); goto looking_up
        fi
    }

#ifdef START_LIMIT_BEFORE_ASKING
    atomic {
        if
        :: may_still_leave
        :: else -> seen[w] = refused; goto settling
        fi
    }
#endif
    atomic {                                              /* ask_first */
        if
        :: spend(crashes) -> dies(); goto idle
        :: !asks_first
        :: asks_first -> ask(seen[w]);
            if
            :: seen[w] == absent -> seen[w] = nothing
            :: seen[w] == confirmed -> landmark_if(is_current[w], FOUND_BY_ASKING_FIRST); goto settling
            :: else -> goto settling
            fi
        fi
    }
    atomic {                                              /* the last look at the clock; it leaves */
        if
        :: spend(crashes) -> dies(); goto idle
#ifdef START_LIMIT_BEFORE_ASKING
        :: true
#else
        :: may_still_leave
        :: !may_still_leave -> landmark(STOPPED_TOO_LONG); seen[w] = refused; goto settling
#endif
        fi;
#ifdef STOPPED_AFTER_LAST_LOOK
    }
    atomic {
#endif
        call[w] = 0
    }
    atomic {                                              /* it waits: answer, reset or timeout */
        if
        :: spend(crashes) -> dies(); goto idle
        :: seen[w] != nothing
        :: true -> let_go(); seen[w] = unknown
        fi
    }
    goto settling;

looking_up:
    atomic {
        if
        :: spend(crashes) -> dies(); goto idle
        :: true -> ask(seen[w]);
            if
            :: seen[w] == absent && !is_quiet -> seen[w] = absent_too_early
            :: else
            fi
        fi
    }

settling:
    atomic {                                              /* _settle */
        if
        :: spend(crashes) -> dies()
        :: true -> settle(); forgets()
        fi;
        goto idle
    }
}

/* --- The sweeper: sweeping.sweep ------------------------------------------------------------ */

proctype sweeper() {
end:
    do
    :: atomic { !job && is_due -> wake() }
    od
}

/* --- People --------------------------------------------------------------------------------- */

#define can_be_settled (state == in_doubt || state == needs_person)

proctype people() {
end:
    do
    :: atomic { state == approved || (state == needs_person && since_sent == NOBODY) ->
        landmark_if(attempts > 0, WITHDRAWN_AFTER_AN_ATTEMPT);
        promise(in_force == 0);                            /* (c) */
        state = withdrawn
       }
    :: atomic { state == needs_person && may_try_again && spend(interventions) ->
        landmark(TRIED_AGAIN);
        state = retrying; wake()
       }
    :: atomic { state == done && has_failed ->            /* report_late_failure */
        landmark(LATE_FAILURE);
        state = needs_person
       }
    /* Two people, each of whom looks for themselves and says what they saw. */
    :: atomic { finding == none && can_be_settled && people_may_look && spend(interventions) ->
        found_it = in_force > 0; finding = looked
       }
    :: atomic { finding == looked && can_be_settled -> finding = proposed }
    :: atomic { finding == proposed && can_be_settled && people_may_look && found_it == (in_force > 0) ->
        finding = looked_again
       }
    :: atomic { finding == looked_again && can_be_settled ->
        new_epoch(); lease = 0;
        if
        :: found_it ->
            landmark(SETTLED_AS_DONE);
            promise(effects > 0);                          /* (d) */
            state = done; settled = true
        :: !found_it ->
            landmark(SETTLED_AS_NOT_DONE);
            state = needs_person; nothing_was_sent()
        fi;
        finding = none; found_it = false
       }
    :: atomic { finding != none -> finding = none; found_it = false }
    od
}

proctype operator() {
end:
    do
    :: atomic { !held && !ended && spend(interventions) ->
        landmark_if(state == retrying, HELD_BEFORE_A_RETRY);
        held = true
       }
    :: atomic { held -> held = false }
    od
}

/* --- Time ------------------------------------------------------------------------------------ */

#define grows(age, most) if :: age < most -> age++ :: else fi
/* What has not arrived within the quiet time is lost; until then the clock waits for it. */
#define may_pass (call[0] != QUIET - 1 && call[1] != QUIET - 1 && stray[QUIET - 1] == 0)
#define ends_a_living_lease (lease == 1 && (is_current[0] || is_current[1]))

inline pass() {
#if QUIET > 2
    stray[2] = stray[1];
#endif
#if QUIET > 1
    stray[1] = stray[0]; stray[0] = 0;
#endif
    grows(call[0], QUIET - 1);
    grows(call[1], QUIET - 1);
    grows(since_claim[0], START_WITHIN + 1);
    grows(since_claim[1], START_WITHIN + 1);
    grows(since_sent, QUIET);
    if :: lease > 0 -> lease-- :: else fi
}

proctype clock() {
end:
    do
    :: atomic { may_pass && !ends_a_living_lease -> pass() }
    :: atomic { may_pass && ends_a_living_lease && spend(stops) -> pass() }
    od
}

init {
    atomic {
        run worker(0);
        run worker(1);
        run provider();
        run people();
        run operator();
        run clock();
#ifndef NO_SWEEPER
        run sweeper()
#endif
    }
}
