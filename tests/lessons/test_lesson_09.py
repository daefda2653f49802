"""Is what lesson 9 says about its networks true? Read from its stored results."""

from stored import outputs, rows

# What stands in a row of an accuracy: itself, the interval, the baseline, the photos.
ACCURACY, FROM, TO, BASELINE = range(4)


def test_every_probe_on_frozen_features_is_above_the_trivial_baseline():
    for row in rows(9, "logistic regression, last", "linear SVM, last", "logistic regression, all", "linear SVM, all"):
        assert row[FROM] > row[BASELINE] + 0.05


def test_a_probe_with_200_photos_beats_the_network_from_scratch_with_200():
    ((_, mean, _, scratch),) = rows(9, "200")
    assert mean > scratch


def test_random_folds_promise_more_than_new_lots_give():
    random, lots = rows(9, "random folds", "lot folds")
    assert random[ACCURACY] > lots[ACCURACY]


def test_freezing_keeps_the_backbone_and_the_training_mode_of_batch_normalisation_moves_it():
    printed = "\n".join(outputs(9))
    assert printed.index("the backbone has moved: False") < printed.index("same hash: False")
    assert printed.index("same hash: False") < printed.index("the backbone has moved: True")


def test_every_route_from_imagenet_is_above_scratch():
    routes = rows(9, "from scratch", "head first, then fine-tune", "fine-tune at once", "probe")
    assert min(row[ACCURACY] for row in routes[1:]) > routes[0][ACCURACY]


def test_the_wrong_preprocessing_costs_accuracy():
    own, usual = rows(9, "its own", "the usual ImageNet numbers")
    assert own[ACCURACY] > usual[ACCURACY]


def test_a_probe_of_mono_cells_is_below_the_baseline_on_poly_cells():
    (of_mono_cells,) = rows(9, "mono")
    on_poly = [line.split()[-5:] for line in "\n".join(outputs(9)).splitlines() if line.split()[:1] == ["mono"]][-1]
    assert of_mono_cells[ACCURACY] > of_mono_cells[BASELINE]
    assert float(on_poly[ACCURACY]) < float(on_poly[BASELINE])
