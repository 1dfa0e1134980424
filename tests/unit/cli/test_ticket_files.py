from ticketflow.cli.ticket_files import build_keys, build_text_ticket, read_sample_tickets


def test_the_first_line_of_a_text_is_the_subject():
    assert build_text_ticket("\nNo parcel \n\nOrder 1\nOrder 2\n", None) == {
        "subject": "No parcel",
        "body": "Order 1\nOrder 2",
    }


def test_a_text_of_one_line_is_subject_and_body():
    assert build_text_ticket("No parcel\n", None) == {"subject": "No parcel", "body": "No parcel"}


def test_a_subject_from_outside_leaves_the_whole_text_to_the_body():
    assert build_text_ticket("No parcel\nOrder 1\n", "Help") == {"subject": "Help", "body": "No parcel\nOrder 1"}


def test_the_same_tickets_get_the_same_keys_wherever_they_stand():
    first, second = {"subject": "a", "body": "b"}, {"body": "d", "subject": "c"}

    keys = build_keys([first, second])

    assert build_keys([{"subject": "new", "body": "new"}, dict(reversed(second.items())), first])[1:] == keys[::-1]


def test_tickets_that_say_the_same_have_keys_of_their_own():
    ticket = {"subject": "a", "body": "b"}

    keys = build_keys([ticket, ticket, ticket])

    assert len(set(keys)) == 3
    assert build_keys([ticket]) == keys[:1]


def test_the_sample_tickets_are_all_good():
    entries = read_sample_tickets()

    assert len(entries) == 14
    assert all(entry.content["subject"] and entry.content["body"] for entry in entries)
