//! Alerts, and what the farm measured of itself.

use benchrack_protocol::alert::{AlertKind, TriageState};

texts! {
    /// Alerts.
    Alerts {
        lead: "Only what was measured again and confirmed is here: old build against new, side by side on the same device.", "다시 측정해 확인된 것만 있습니다. 같은 기기에서 이전 빌드와 새 빌드를 나란히 측정합니다.";
        none: "No alerts. Series are watched as they grow; what looks worse is measured again, and only what that confirms is listed here.", "알림이 없습니다. 시계열은 늘어날 때마다 감시되며, 나빠 보이는 것은 다시 측정하고 확인된 것만 여기에 나옵니다.";
        all: "all", "전체";
        states: "State of triage", "처리 상태";
        new: "new", "새 알림";
        confirmed: "confirmed", "확인됨";
        expected: "expected", "예상됨";
        fixed: "fixed", "해결됨";
        ignored: "ignored", "무시됨";
        regression: "regression", "성능 저하";
        device_drift: "device drift", "기기 변화";
        what: "What", "내용";
        kind: "Kind", "종류";
        state: "State", "상태";
        owner: "Owner", "담당";
        due: "Due", "기한";
        overdue: "overdue", "기한 지남";
        raised: "Raised", "발생";
        reason: "Reason", "이유";
        worst: "Largest change", "가장 큰 변화";
        devices: "Devices", "기기";
        findings: "What was found", "발견된 것";
        series: "Series", "시계열";
        change: "Change, with the interval of the gate", "변화와 게이트의 구간";
        good: "Last good", "마지막 정상";
        bad: "First slower", "처음 느려짐";
        suspects: "Suspects", "의심 리비전";
        proof: "Confirmed by", "확인 근거";
        gate: "gate {}", "게이트 {}";
        exact: "an exact figure", "정확한 값";
        control: "its control", "컨트롤";
        found: "Found", "발견";
        not_measured: "not measured", "측정 안 됨";
        triage: "Decide", "처리";
        decide: "Decide", "처리하기";
        days: "Days from now", "며칠 뒤까지";
        needs: "Confirmed needs an owner; expected and ignored need a reason. Days say when it should be fixed, or is new again.", "확인됨에는 담당이, 예상됨과 무시됨에는 이유가 필요합니다. 일수는 해결 기한 또는 다시 알릴 때입니다.";
        needs_scope: "Deciding takes a token of the scope submit: log in with one.", "처리하려면 submit 범위의 토큰으로 로그인하세요.";
        pick: "Choose {}", "{} 선택";
        key_rows: "next and previous alert; the space bar chooses", "다음, 이전 알림. 스페이스로 선택";
        key_open: "open the alert", "알림 열기";
        key_decide: "confirmed, expected, fixed, ignored: on to the field that it needs", "확인됨, 예상됨, 해결됨, 무시됨: 필요한 칸으로 이동";
        by_command: "By command", "명령으로";
        where_: "Where", "어디서";
        since: "Since", "언제부터";
        by_how_much: "By how much", "얼마나";
        how_sure: "How sure", "확실성";
        of_subject: "{} {}: {}", "{} {}: {}";
        last_good: "last good: {}", "마지막 정상: {}";
        one_of: "or one of {} revisions before it", "또는 그 이전 {}개 리비전 중 하나";
        most_of_all: "the most, on {}", "최대 ({})";
        sure_gate: "both builds measured again, side by side on the same device", "두 빌드를 같은 기기에서 나란히 다시 측정";
        sure_exact: "a figure without noise", "잡음 없는 값";
        sure_control: "the device's control changed, not the models", "모델이 아니라 기기의 컨트롤이 변함";
        on_since: "{} on {} since {}", "{} ({}), {}부터";
        and_more: "{} and {} more", "{} 외 {}대";
        self_test: "Self-test", "자체 시험";
        self_test_lead: "How often the farm is wrong, and what it would catch: measured on its own devices, not assumed.", "팜이 얼마나 자주 틀리는지, 무엇을 잡아낼 수 있는지: 가정이 아니라 자체 기기에서 측정합니다.";
        self_test_none: "Nothing was measured yet. The section [series.self_test] of the server's configuration names pairs of models and how often they are measured.", "아직 측정된 것이 없습니다. 서버 설정의 [series.self_test]에서 모델 쌍과 주기를 정합니다.";
        unchanged: "Unchanged subjects against themselves", "변하지 않은 대상끼리";
        unchanged_words: "{} of {} gates said slower: at most {} with 95 % confidence", "게이트 {} / {}에서 느려짐 판정: 95 % 신뢰로 최대 {}";
        unchanged_most: "At most, with 95 % confidence", "최대 (95 % 신뢰)";
        gates: "Gates", "게이트";
        false_alarms: "False alarms", "오경보";
        catches: "What each device would catch", "기기별로 잡아낼 수 있는 변화";
        catches_note: "The smallest planted slow-down that at least 95 % of the gates found, as they did every greater one.", "게이트의 95 % 이상이 찾아낸 가장 작은 심은 저하. 더 큰 것도 모두 찾았습니다.";
        catches_words: "Gates of {} on this device catch planted slow-downs from {} work on: at least {} of them with 95 % confidence.", "이 기기의 {} 게이트는 작업량 {}부터 심은 저하를 잡습니다: 95 % 신뢰로 최소 {}.";
        catches_nothing: "No planted slow-down of {} was caught on this device in 95 % of its gates.", "이 기기에서 {}의 심은 저하는 게이트의 95 %에서 잡히지 않았습니다.";
        smallest: "Smallest caught", "잡힌 최소 변화";
        caught_least: "Caught at least, with 95 % confidence", "최소 포착률 (95 % 신뢰)";
        none_caught: "none", "없음";
        planted: "Planted slow-downs", "심어 둔 성능 저하";
        planted_note: "A real model with more work against one with less. What is caught in nearly all gates is what this device would catch.", "작업이 더 많은 실제 모델과 적은 모델의 비교. 거의 모든 게이트에서 잡히면 그 기기가 잡아낼 수 있는 변화입니다.";
        more_work: "More work", "추가 작업";
        caught: "Caught", "잡힘";
        missed: "Said not slower", "느려지지 않음 판정";
        open: "Inconclusive", "결론 없음";
    }
}

impl Alerts {
    /// A state of triage.
    pub(crate) fn triage_state(&self, state: TriageState) -> &'static str {
        match state {
            TriageState::New => self.new,
            TriageState::Confirmed => self.confirmed,
            TriageState::Expected => self.expected,
            TriageState::Fixed => self.fixed,
            TriageState::Ignored => self.ignored,
        }
    }

    /// What is wrong.
    pub(crate) fn kind_word(&self, kind: AlertKind) -> &'static str {
        match kind {
            AlertKind::Regression => self.regression,
            AlertKind::DeviceDrift => self.device_drift,
        }
    }
}
