import pytest

from tests.chaos.checker import check
from tests.chaos.run import IS_FULL
from tests.chaos.site import API, Setup, Site
from tests.chaos.submit import submit_directly
from tests.harness.wait import wait_until

POISON = "poison"  # tests.chaos.app kills the worker that drafts such a ticket


def revive(site: Site) -> bool:
    """Start again what died, as an operating system's supervisor does; say whether anything had."""
    dead = [name for name, program in site.programs.items() if not program.is_running()]
    for name in dead:
        site.record_killed([site.programs[name].pid])
        site.start(name)
    return bool(dead)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_ticket_that_kills_its_workers_fails_and_takes_no_other_with_it(pool, new_site):
    with new_site(Setup(workers={"one": pool, "two": pool}, step_s=0.05)).prepared() as site:
        site.start(API)
        poison = submit_directly(site, 2, subject=POISON)
        submit_directly(site, 200 if IS_FULL else 40)
        for name in site.setup.workers:
            site.start(name)
        wait_until(lambda: not revive(site) and site.count_open() == 0, 150, lambda: f"{site.count_open()} are open")
        site.wait_until_quiet(30)
        letters = site.take_dead_letters()
        report = check(site.history_path, site.database_url, expect_dead=poison)

    assert report.problems == []
    assert letters <= set(poison)
