//! Gates.

use benchrack_protocol::api::Verdict;

texts! {
    /// Gates.
    Gates {
        lead: "Is the candidate slower than the baseline? Measured side by side, block by block.", "후보가 기준보다 느린가? 블록마다 나란히 측정합니다.";
        none: "No gate has been asked for yet. A gate compares two model files and ends with an exit code for CI:", "아직 게이트가 없습니다. 게이트는 두 모델 파일을 비교해 CI용 종료 코드로 끝납니다:";
        against: "against", "대";
        slower: "slower", "느려짐";
        not_slower: "not slower", "느려지지 않음";
        inconclusive: "inconclusive", "결론 없음";
        wrong_outputs: "wrong outputs", "출력 불일치";
        over_budget: "over budget", "예산 초과";
        open: "open", "진행 중";
        asked: "asked", "요청";
        decided: "decided", "판정";
        rules: "tolerance {}, error at most {} over all devices, at least {} with a verdict", "허용 {}, 전체 기기 오류율 최대 {}, 판정 기기 최소 {}";
        still_open: "Still measuring: {} of {} jobs are done", "측정 중: 작업 {} / {} 완료";
        effects: "Change of latency by device", "기기별 지연 시간 변화";
        by_device: "By device", "기기별";
        verdict_column: "Verdict", "판정";
        effect: "Change", "변화";
        baseline: "Baseline", "기준";
        candidate: "Candidate", "후보";
        pairs: "Pairs of blocks", "블록 쌍";
        detail: "To know", "설명";
        summary: "Summary", "요약";
        devices: "Devices", "기기";
        no_pairs: "no valid pairs of blocks", "유효한 블록 쌍 없음";
        comparisons: "Every metric and budget", "모든 지표와 예산";
        baseline_or_limit: "Baseline or limit", "기준 또는 한도";
        metric: "Metric", "지표";
        budget: "budget", "예산";
        receipt: "Receipt: every sample, signature and rule behind this verdict", "영수증: 이 판정의 모든 샘플, 서명, 규칙";
        jobs: "Jobs", "작업";
        device_number: "device {}", "기기 {}";
        sides: "What was compared", "비교한 것";
        job_queued: "queued", "대기";
        job_leased: "being measured", "측정 중";
        job_done: "done", "완료";
        job_failed: "failed", "실패";
        job_cancelled: "cancelled", "취소";
    }
}

impl Gates {
    /// A verdict.
    pub(crate) fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Slower => self.slower,
            Verdict::NotSlower => self.not_slower,
            Verdict::Inconclusive => self.inconclusive,
            Verdict::WrongOutputs => self.wrong_outputs,
            Verdict::OverBudget => self.over_budget,
        }
    }
}
