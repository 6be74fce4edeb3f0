//! Studies.

use benchrack_protocol::study::StudyVerdict;

texts! {
    /// Studies.
    Studies {
        lead: "Claims as experiments: what is said, what was measured here, and whether it holds on each device.", "주장을 실험으로: 무엇을 주장하고, 여기서 무엇이 측정되었으며, 기기마다 성립하는지.";
        none: "No study has been measured yet. The program brings some:", "아직 측정한 연구가 없습니다. 프로그램에 포함된 연구가 있습니다:";
        study: "Study", "연구";
        question: "Question", "질문";
        sessions: "Sessions", "세션";
        asked: "asked", "요청";
        still_open: "Still measuring: {} of {} sessions are over; the answers are those so far", "측정 중: 세션 {} / {} 완료. 지금까지의 답입니다";
        left_out: "Not measured, because the farm has no build of it: {}", "빌드가 없어 측정하지 않음: {}";
        source: "Source: {}", "출처: {}";
        answers: "Which claim holds where", "기기별 주장의 성립 여부";
        claim: "Claim", "주장";
        check: "Check", "확인";
        measured: "Measured", "측정값";
        wanted: "Asked", "조건";
        from: "From", "근거";
        verdict: "Verdict", "판정";
        remark: "To know, and what it would need", "설명과 필요한 것";
        at_least: "≥ {}", "≥ {}";
        at_most: "≤ {}", "≤ {}";
        exact: "manifests", "매니페스트";
        paired_blocks: "{} pairs of blocks", "블록 쌍 {}개";
        paired_sessions: "{} sessions", "세션 {}개";
        separate: "two intervals", "두 구간";
        one_side: "one interval", "한 구간";
        nothing: "no interval", "구간 없음";
        holds: "holds", "성립";
        does_not_hold: "does not hold", "성립하지 않음";
        cannot_tell: "cannot tell here", "여기서는 알 수 없음";
        level: "The intervals of all checks of a device together err with a chance of at most 5 %.", "한 기기의 모든 구간이 함께 틀릴 확률은 최대 5 %입니다.";
        everything: "Everything measured", "측정한 모든 것";
        everything_on: "Everything measured on {}", "{}에서 측정한 모든 것";
    }
}

impl Studies {
    /// The answer to a claim or a check.
    pub(crate) fn verdict(&self, verdict: StudyVerdict) -> &'static str {
        match verdict {
            StudyVerdict::Holds => self.holds,
            StudyVerdict::DoesNotHold => self.does_not_hold,
            StudyVerdict::CannotTell => self.cannot_tell,
        }
    }
}
