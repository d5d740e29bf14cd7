"""The jobs of notifications, one line each. As everywhere, a job is only a wake-up."""

from typing import Any

from procrastinate.contrib.django import app

from approvals.clock import database_time
from approvals.jobs import enqueue
from notifications import digest, following, letters, rounds


@app.periodic(cron="* * * * * */5")
@app.task(name="notifications.follow", queue="upkeep")
def follow(timestamp: int, **_: Any) -> None:
    following.run(at=database_time())


@app.periodic(cron="* * * * * */30")
@app.task(name="notifications.go_round", queue="upkeep")
def go_round(timestamp: int, **_: Any) -> None:
    rounds.tell_of_stuck(at=database_time())
    rounds.tell_of_grown_causes(at=database_time())
    digest.write_due(at=database_time())


@app.periodic(cron="* * * * * */10")
@app.task(name="notifications.post_due", queue="upkeep")
def post_due(timestamp: int, **_: Any) -> None:
    at = database_time()
    letters.give_up_on_lost(at=at)
    for user_id in letters.users_with_something_due(at):
        letters.write(user_id, at=at)
    for letter_id in letters.due(at):
        enqueue(post, once=f"letter/{letter_id}", letter_id=letter_id)


@app.task(name="notifications.post", queue="mail")
def post(*, letter_id: int, **_: Any) -> None:
    letters.send(letter_id, at=database_time())


@app.periodic(cron="43 * * * *")
@app.task(name="notifications.tidy", queue="upkeep")
def tidy(timestamp: int, **_: Any) -> None:
    letters.forget_old(at=database_time())
