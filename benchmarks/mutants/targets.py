"""Which modules are tried, which tests are to notice, and what is not changed by design."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NEED_TORCH", "TESTS", "TOO_SLOW", "UNTOUCHED", "modules", "tests_of"]

# A module, or a folder with all that is in it, and the test files (or folders of them) that concern it.
TESTS: dict[str, tuple[str, ...]] = {
    "dscale_core/laws/aggregate.py": ("tests/laws/test_aggregate.py", "tests/laws/test_aggregate_profile.py"),
    "dscale_core/laws/grouping.py": ("tests/laws/test_grouping.py",),
    "dscale_core/laws/law.py": ("tests/laws/test_law_formulas.py",),
    "dscale_core/laws/log_linear.py": ("tests/laws/test_log_linear.py",),
    "dscale_core/laws/methods.py": ("tests/laws/test_methods.py", "tests/laws/test_statuses.py"),
    "dscale_core/laws/misfit.py": ("tests/laws/test_misfit.py",),
    "dscale_core/laws/two_term.py": ("tests/laws/test_two_term.py",),
    "dscale_core/laws/amortized": ("tests/laws/amortized",),
    "dscale_core/laws/deviations": ("tests/laws/deviations",),
    "dscale_core/laws/likelihood": ("tests/laws/likelihood",),
    "dscale_core/laws/problem": ("tests/laws/problem",),
    "dscale_core/laws/shrinkage": ("tests/laws/shrinkage",),
    "dscale_core/learners/logistic/binary.py": (
        "tests/learners/base/test_params.py",
        "tests/learners/logistic/test_reference_loss.py",
        "tests/learners/logistic/test_logistic.py",
        "tests/learners/logistic/test_logistic_extremes.py",
        "tests/learners/logistic/test_second_order.py",
        "tests/learners/test_every_engine.py",
        "tests/learners/softmax/test_softmax.py",
    ),
    "dscale_core/learners/logistic/newton.py": (
        "tests/learners/logistic/test_newton.py",
        "tests/learners/logistic/test_newton_parts.py",
        "tests/learners/logistic/test_logistic.py",
    ),
    "dscale_core/learners/logistic/second_order.py": ("tests/learners/logistic/test_second_order.py",),
    "dscale_core/learners/logistic/coalition_fits.py": (
        "tests/learners/logistic/test_coalition_fits.py",
        "tests/learners/logistic/test_second_order.py",
    ),
    "dscale_core/learners/logistic/expansion.py": (
        "tests/learners/logistic/test_expansion.py",
        "tests/learners/logistic/test_second_order.py",
    ),
    # what the logistic engine shares with its kin
    "dscale_core/learners/two_classes.py": (
        "tests/learners/test_two_classes.py",
        "tests/learners/logistic/test_logistic.py",
        "tests/learners/logistic/test_logistic_extremes.py",
    ),
    "dscale_core/learners/fixed_point.py": (
        "tests/learners/test_fixed_point.py",
        "tests/learners/logistic/test_logistic.py",
    ),
    "dscale_core/learners/base/preparation.py": ("tests/learners/base/test_preparation.py",),
    "dscale_core/sampling/coalitions.py": ("tests/sampling/test_coalitions.py",),
    "dscale_core/store/shards.py": ("tests/store/test_store_shards.py",),
    "dscale_core/curation": ("tests/curation",),
    "dscale_core/datasets/columns.py": ("tests/datasets/test_columns.py", "tests/datasets/test_inspect_table.py"),
    "dscale_core/intervals.py": ("tests/test_intervals.py",),
}

# Tests that take longer than they are worth here: a mutant that they alone would kill counts as a survivor.
TOO_SLOW: tuple[str, ...] = (
    "tests/learners/logistic/test_second_order.py::test_the_formula_agrees_with_the_means_of_exact_draws",
    "tests/laws/test_aggregate.py::test_intervals_cover_and_the_surface_peaks_at_the_fit",
    "tests/laws/amortized/test_amortized.py::test_around_a_formula_unseen_points_need_it_too",
    "tests/laws/amortized/test_amortized.py::test_laws_that_follow_the_features_are_found_seen_or_not",
    "tests/laws/deviations/test_around_guide.py::test_a_formula_of_the_wrong_sign_is_left_out",
    "tests/laws/deviations/test_around_guide.py::test_a_good_formula_is_followed_and_a_bad_one_overruled",
    "tests/laws/deviations/test_around_guide.py::test_exponents_around_a_formula_have_honest_intervals",
    "tests/laws/deviations/test_around_guide.py::test_intervals_around_a_formula_cover",
    "tests/laws/deviations/test_around_guide.py::test_misfit_is_found_where_the_law_bends_and_hardly_where_it_holds",
    "tests/laws/deviations/test_control_variate.py::test_a_control_that_says_nothing_of_the_draws_is_left_out",
    "tests/laws/deviations/test_control_variate.py::test_a_few_exact_draws_correct_a_biased_surrogate",
    "tests/laws/deviations/test_control_variate.py::test_the_noise_reported_is_that_of_a_draw",
    "tests/laws/deviations/test_draw_noise.py::test_the_noise_is_found_and_slopes_are_drawn_together",
    "tests/laws/likelihood/test_likelihood.py::test_never_below_the_published_loop",
    "tests/laws/likelihood/test_likelihood.py::test_reaches_what_a_general_optimiser_reaches",
    "tests/laws/likelihood/test_likelihood.py::test_scaling_delta_scales_c_and_sigma_alone",
    "tests/laws/likelihood/test_likelihood.py::test_scaling_sizes_leaves_the_curve",
    "tests/laws/shrinkage/test_shrinkage.py::test_beats_maximum_likelihood_at_twenty_draws",
    "tests/laws/shrinkage/test_shrinkage.py::test_groups_learn_their_own_exponents",
    "tests/laws/shrinkage/test_shrinkage.py::test_intervals_cover_about_as_often_as_they_say",
    "tests/laws/shrinkage/test_shrinkage.py::test_passes_that_move_together_widen_the_intervals",
)

# Folders whose tests need torch
NEED_TORCH = ("dscale_core/laws/amortized",)

# Numbers that decide how fast a result comes and not which: module, name, and why it is so.
UNTOUCHED: dict[str, dict[str, str]] = {
    # laws: how much is looked at together; the test that is named holds that it does not matter
    "dscale_core/laws/grouping.py": {"_BLOCK": "test_means_match_plain_loops"},
    "dscale_core/laws/log_linear.py": {"_BLOCK_ELEMENTS": "test_batches_equal_the_whole"},
    "dscale_core/laws/two_term.py": {"_BLOCK_ELEMENTS": "test_batches_equal_the_whole"},
    "dscale_core/laws/deviations/control_variate.py": {"_BLOCK": "test_batches_equal_the_whole"},
    "dscale_core/laws/deviations/draw_noise.py": {"_BLOCK": "test_missing_draws_lost_laws_and_blocks"},
    "dscale_core/laws/likelihood/maximum.py": {"_BLOCK_ELEMENTS": "test_batches_equal_the_whole"},
    "dscale_core/laws/problem/screening.py": {"_SCREEN_ELEMENTS": "test_points_are_set_aside_with_the_deepest_reason"},
    "dscale_core/laws/shrinkage/empirical_bayes.py": {"_BLOCK_POINTS": "test_blocks_do_not_matter"},
    "dscale_core/laws/shrinkage/prior.py": {
        "_BLOCK_POINTS": "test_the_table_holds_likelihoods_relative_to_each_points_best",
    },
    "dscale_core/learners/logistic/binary.py": {
        "_ROWS": "candidates solved together; test_results_do_not_depend_on_the_block holds that blocks do not matter",
    },
}


def modules(root: Path) -> list[str]:
    """Every module that is tried, from the root of the repository, sorted; faces hold no code."""
    found = set[Path]()
    for target in TESTS:
        path = root / target
        found |= {path} if path.suffix == ".py" else set(path.rglob("*.py"))
    return sorted(str(path.relative_to(root)) for path in found if path.name != "__init__.py")


def tests_of(root: Path, module: str) -> list[str]:
    """The test files that concern a module, as the longest entry of TESTS that fits says."""
    entry = max((target for target in TESTS if module == target or module.startswith(f"{target}/")), key=len)
    files: list[str] = []
    for given in TESTS[entry]:
        path = root / given
        under = [path] if path.suffix == ".py" else sorted(path.rglob("test_*.py"))
        files += [str(file.relative_to(root)) for file in under]
    return files
