//! Series.

texts! {
    /// Series.
    Series {
        lead: "One line of points for each device, model, precision, engine, operating point and metric.", "기기, 모델, 정밀도, 엔진, 동작점, 지표마다 하나의 선.";
        none: "No series fits this choice. A series begins with its first run:", "이 조건에 맞는 시계열이 없습니다. 첫 실행으로 시작됩니다:";
        metric: "Metric", "지표";
        metrics: "Metrics of this subject", "이 대상의 지표";
        elsewhere: "On other devices", "다른 기기";
        together: "Several devices together", "여러 기기 함께 보기";
        draw_too: "draw {} as well", "{} 함께 그리기";
        draw_not: "without {}", "{} 빼기";
        zoom_note: "Drag over the chart to see a stretch of it.", "그래프에서 끌면 그 구간만 봅니다.";
        axis: "From left to right", "가로축";
        by_time: "time", "시간";
        by_order: "runs in order", "실행 순서";
        range: "Points drawn", "그려진 점";
        earlier: "earlier ones", "이전";
        newest: "the newest", "최신";
        latest: "Latest", "최신";
        recent: "Recent", "최근";
        number: "Points", "점 수";
        points: "Points", "점";
        shown: "{} points of {}, newest first; the CSV file has all that are drawn.", "점 {}개 / 전체 {}개 (최신 먼저). CSV 파일에는 그려진 모든 점이 있습니다.";
        revision: "Revision", "리비전";
        changed: "changed here", "여기서 바뀜";
        reasons: "Reasons", "이유";
        baseline: "Baseline {}, the newest valid point {}", "기준 {}, 최신 유효 점 {}";
        marks: "What the farm wrote", "팜의 기록";
        marks_note: "Changes, what they go together with, and what a second measurement said. Nothing that changed with the device, its system or its agent is blamed on a model.", "변화, 함께 바뀐 것, 재측정 결과. 기기, 시스템, 에이전트와 함께 바뀐 것은 모델 탓으로 돌리지 않습니다.";
        k_change: "change", "변화";
        k_infrastructure: "infrastructure", "측정 환경";
        k_unexplained: "unexplained", "원인 모름";
        k_suspected: "suspected", "의심";
        k_cleared: "cleared", "의심 해제";
        k_undecided: "undecided", "결론 없음";
        k_confirmed: "confirmed", "확인됨";
        k_drift: "drift", "기기 변화";
        mark_kind: "What", "내용";
        mark_detail: "Detail", "설명";
        mark_change: "Change", "변화";
        mark_run: "Run", "실행";
    }
}

impl Series {
    /// What the farm wrote, in a word; a kind of a newer server as it is.
    pub(crate) fn mark<'a>(&self, kind: &'a str) -> &'a str {
        match kind {
            "change" => self.k_change,
            "infrastructure" => self.k_infrastructure,
            "unexplained" => self.k_unexplained,
            "suspected" => self.k_suspected,
            "cleared" => self.k_cleared,
            "undecided" => self.k_undecided,
            "confirmed" => self.k_confirmed,
            "drift" => self.k_drift,
            other => other,
        }
    }
}
