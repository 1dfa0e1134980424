import pytest

from tests.chaos.schedule import FAMILIES, measure_duration, seeded_schedule


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_plans_the_same_faults(family):
    assert seeded_schedule(7, family, 1.0) == seeded_schedule(7, family, 1.0)
    assert seeded_schedule(7, family, 1.0) != seeded_schedule(8, family, 1.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_smaller_scale_plans_a_shorter_time(family):
    assert measure_duration(seeded_schedule(7, family, 0.1)) < measure_duration(seeded_schedule(7, family, 1.0)) / 5


def test_the_long_outage_of_the_broker_is_planned_in_full_size_only():
    assert max(planned.lasts_s for planned in seeded_schedule(7, "rabbitmq", 1.0)) == 600
    assert max(planned.lasts_s for planned in seeded_schedule(7, "rabbitmq", 0.5)) == 15
