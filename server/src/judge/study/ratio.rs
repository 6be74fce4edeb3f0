//! The ratio of a check's two sides, or its one side, with an interval.

use benchrack_protocol::api::Metric;
use benchrack_protocol::ids::SessionId;
use benchrack_protocol::study::{Basis, Check, Figure, Side, Study};
use benchrack_stats::Confidence;
use benchrack_stats::paired::{Pair, PairedEffect};

use super::super::rounds::common_rounds;
use super::subject::{At, alone, estimate, name, runs, unknown};
use super::{ALPHA, Measured, StudyEvidence, Unknown, needed};

/// What a check's figures are.
pub(super) fn measure(study: &Study, check: &Check, evidence: &StudyEvidence<'_>) -> Result<Measured, Unknown> {
    let share = study.share_of(ALPHA);
    let of = runs(study, &check.of, evidence)?;
    let of_figure = check.figure_of(&check.of);
    let Some(to_side) = &check.to else {
        let (estimate, sessions) = alone(&of, of_figure, confidence(share)?, evidence)?;
        let basis = if of_figure.is_exact() { Basis::Exact } else { Basis::OneSide };
        return Ok(Measured { estimate, basis, sessions, detail: String::new() });
    };
    let to = runs(study, to_side, evidence)?;
    let to_figure = check.figure_of(to_side);
    let together: Vec<(At<'_>, At<'_>)> =
        of.iter().filter_map(|&of| Some((of, *to.iter().find(|to| to.session == of.session)?))).collect();
    if !together.is_empty() && [of_figure, to_figure] == [Figure::Metric(Metric::Latency); 2] {
        return by_rounds(study, (&check.of, to_side), &together, share);
    }
    if !of_figure.is_exact() && !to_figure.is_exact() {
        let values = |&(of, to): &(At<'_>, At<'_>)| {
            let pair = Pair { candidate: of.value(of_figure).ok()?, baseline: to.value(to_figure).ok()? };
            Some((of.session, pair))
        };
        let pairs: Vec<(SessionId, Pair)> = together.iter().filter_map(values).collect();
        if pairs.len() >= needed(study) {
            return by_sessions(&pairs, share);
        }
    }
    separately(study, (&check.of, of_figure, &of), (to_side, to_figure, &to), share, evidence)
}

fn confidence(share: f64) -> Result<Confidence, Unknown> {
    Confidence::new(1.0 - share).map_err(|error| Unknown::new(error.to_string(), "a study with fewer checks"))
}

/// Latencies measured in turn: one pair for each round of a session, or for each session where there are enough of them.
fn by_rounds(study: &Study, (of, to): (&Side, &Side), together: &[(At<'_>, At<'_>)], share: f64) -> Result<Measured, Unknown> {
    let needed = needed(study);
    let (of_name, to_name) = (name(study, of), name(study, to));
    let mut doubt = None;
    let mut sessions: Vec<(SessionId, PairedEffect, (usize, usize))> = Vec::new();
    for (of, to) in together {
        let rounds = common_rounds(of.report, [(&to_name, to.place), (&of_name, of.place)]).map_err(unknown);
        let judged = rounds.and_then(|rounds| Ok((effect(&rounds.pairs, share)?, rounds.left_out)));
        match judged {
            Ok((effect, left_out)) => sessions.push((of.session, effect, left_out)),
            Err(unknown) => doubt = doubt.or(Some(unknown)),
        }
    }
    if sessions.len() >= needed {
        let pair = |(session, effect, _): &(SessionId, PairedEffect, _)| {
            (*session, Pair { baseline: 1.0, candidate: 1.0 + effect.change })
        };
        return by_sessions(&sessions.iter().map(pair).collect::<Vec<_>>(), share);
    }
    let best = sessions.iter().max_by_key(|(_, effect, _)| effect.pairs);
    let Some((session, effect, (disturbed, all))) = best else {
        return Err(doubt.unwrap_or_else(|| Unknown::new("no session has both", "a session that measures both")));
    };
    let left_out = match disturbed {
        0 => String::new(),
        disturbed => format!("{disturbed} of {all} rounds were disturbed by others and left out"),
    };
    let Some(interval) = effect.interval else {
        let detail = format!("{} rounds that both were measured in, {needed} are needed; {left_out}", effect.pairs);
        let more = if *disturbed > 0 {
            "a device that has nothing else to do, or more blocks"
        } else {
            "more blocks (suite.plan.blocks)"
        };
        return Err(Unknown::new(detail.trim_end_matches("; "), more));
    };
    Ok(Measured {
        estimate: estimate(1.0 + effect.change, 1.0 + interval.low, 1.0 + interval.high),
        basis: Basis::PairedBlocks { pairs: u32::try_from(effect.pairs).unwrap_or(u32::MAX) },
        sessions: vec![*session],
        detail: left_out,
    })
}

fn effect(pairs: &[Pair], share: f64) -> Result<PairedEffect, Unknown> {
    let effect =
        PairedEffect::new(pairs, confidence(share)?).map_err(|error| Unknown::new(error.to_string(), "samples above zero"))?;
    effect.ok_or_else(|| Unknown::new("no round has both", "more blocks (suite.plan.blocks)"))
}

/// One pair for each session.
fn by_sessions(pairs: &[(SessionId, Pair)], share: f64) -> Result<Measured, Unknown> {
    let effect = effect(&pairs.iter().map(|(_, pair)| *pair).collect::<Vec<_>>(), share)?;
    let Some(interval) = effect.interval else {
        return Err(Unknown::new(
            format!("{} sessions are too few for an interval", pairs.len()),
            "more sessions (`sessions` of the study)",
        ));
    };
    Ok(Measured {
        estimate: estimate(1.0 + effect.change, 1.0 + interval.low, 1.0 + interval.high),
        basis: Basis::PairedSessions { pairs: u32::try_from(effect.pairs).unwrap_or(u32::MAX) },
        sessions: pairs.iter().map(|(session, _)| *session).collect(),
        detail: String::new(),
    })
}

/// The widest ratio that the two sides' own intervals allow, each with half of the error unless the other has none.
fn separately(
    study: &Study,
    (of_side, of_figure, of): (&Side, Figure, &[At<'_>]),
    (to_side, to_figure, to): (&Side, Figure, &[At<'_>]),
    share: f64,
    evidence: &StudyEvidence<'_>,
) -> Result<Measured, Unknown> {
    let one_is_exact = of_figure.is_exact() || to_figure.is_exact();
    let level = confidence(if one_is_exact { share } else { share / 2.0 })?;
    let (of, of_sessions) = alone(of, of_figure, level, evidence)?;
    let (to, to_sessions) = alone(to, to_figure, level, evidence)?;
    for (figure, side, estimate) in [(of_figure, of_side, &of), (to_figure, to_side, &to)] {
        if !(estimate.low > 0.0 && estimate.high.is_finite()) {
            let detail = format!("{figure} of {} reaches zero: it has no ratio", name(study, side));
            return Err(Unknown::new(detail, "figures above zero"));
        }
    }
    let mut sessions: Vec<SessionId> = of_sessions.into_iter().chain(to_sessions).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let basis = if of_figure.is_exact() && to_figure.is_exact() { Basis::Exact } else { Basis::SeparateIntervals };
    let apart = basis == Basis::SeparateIntervals && sessions.len() > 1;
    let detail = if apart { "measured in separate sessions".into() } else { String::new() };
    Ok(Measured { estimate: estimate(of.value / to.value, of.low / to.high, of.high / to.low), basis, sessions, detail })
}
