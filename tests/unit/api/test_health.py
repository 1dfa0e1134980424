"""Looks at what the process needs: one at a time, and one a second, whoever asks."""

import itertools
import threading

from ticketflow.api.health import FRESH_S, Readiness


def test_who_asks_soon_again_gets_what_was_seen():
    seen = iter([({"status": "ready"}, 200), ({"status": "unavailable"}, 503)])
    times_s = iter([0, FRESH_S - 0.1, FRESH_S, FRESH_S])
    readiness = Readiness(lambda: next(times_s))

    first, second, third = (readiness.look(lambda: next(seen)) for _ in range(3))

    assert (first[1], second[1], third[1]) == (200, 200, 503)


def test_who_asks_while_a_look_hangs_does_not_hang_with_it():
    readiness, hangs, goes_on = Readiness(itertools.count().__next__), threading.Event(), threading.Event()

    def hang():
        hangs.set()
        assert goes_on.wait(10)
        return {"status": "unavailable"}, 503

    readiness.look(lambda: ({"status": "ready"}, 200))
    hanging = threading.Thread(target=readiness.look, args=(hang,))
    hanging.start()
    assert hangs.wait(10)
    meanwhile = readiness.look(hang)
    goes_on.set()
    hanging.join(10)

    assert meanwhile[1] == 200
    assert readiness.look(hang)[1] == 503
