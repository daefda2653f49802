"""Is what lesson 10 says about its inspector true? Read from its stored results."""

from stored import outputs, rows


def test_changes_that_destroy_the_label_cost_accuracy():
    (unchanged,), (holes,), (shuffle,) = rows(10, "unchanged", "CoarseDropout", "grid shuffle")
    assert unchanged > max(holes, shuffle)


def test_steps_that_are_too_large_destroy_what_was_learned():
    (line,) = [text for text in outputs(10) if text.startswith("Accuracy before")]
    before, after = (float(part.split(":")[1]) for part in line.splitlines()[0].split(", "))
    assert after < before - 0.05


def test_the_fine_tuned_network_is_above_the_trivial_baseline():
    one_view, four_views = rows(10, "fine-tuned", "fine-tuned, four views")
    assert max(one_view[0], four_views[0]) > one_view[3] + 0.08


def test_the_chosen_threshold_costs_less_than_rejecting_everything():
    (chosen,), (reject,) = ([row[1:]] for row in rows(10, "chosen", "reject everything"))
    assert chosen[2] < reject[1]


def test_new_lots_are_harder_than_random_folds():
    random, lots = rows(10, "random folds", "lot folds")
    assert random[0] > lots[0]


def test_the_file_the_export_and_the_command_decide_like_the_inspector():
    printed = outputs(10)
    assert "equal decisions: 200 of 200\n" in printed
    assert any("'photos': 652" in text and "'equal decisions': 652" in text for text in printed)
    (csv,) = [text for text in printed if text.startswith("path,probability")]
    assert len(csv.strip().splitlines()) == 3
