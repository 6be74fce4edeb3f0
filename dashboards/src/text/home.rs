//! The first page.

texts! {
    /// The first page.
    Home {
        title: "Overview", "개요";
        calm: "Nothing is wrong", "이상 없음";
        empty: "The farm is empty so far", "아직 비어 있습니다";
        one_trouble: "One thing needs you", "확인할 것이 1건 있습니다";
        troubles: "{} things need you", "확인할 것이 {}건 있습니다";
        offline: "No sign of life; its jobs wait. Look at its cable, its power and its agent.", "신호가 없어 작업이 대기 중입니다. 케이블, 전원, 에이전트를 확인하세요.";
        devices: "{} devices", "기기 {}대";
        silent: "No sign of life; their jobs wait. Look at what they share: hub, power, host.", "신호가 없어 작업이 대기 중입니다. 함께 쓰는 허브, 전원, 호스트를 확인하세요.";
        gate: "Gate {}", "게이트 {}";
        runs_failed: "Failed lately: {} on {}", "최근 실패: {}건 ({})";
        runs_invalid: "Do not count lately: {} of {} on {}", "최근 무효: {} / {}건 ({})";
        jobs_wait: "Jobs that no device takes: {}", "가져가는 기기가 없는 작업: {}건";
        stuck: "stuck", "정체";
        saved: "Saved views", "저장한 보기";
        remove: "Remove", "삭제";
        whole_rack: "Whole rack", "전체 랙";
        sessions: "Latest sessions", "최근 세션";
        to_compare: "Compare", "비교하기";
        no_sessions: "Nothing has been measured yet.", "아직 측정한 것이 없습니다.";
        no_models: "The server has no models. Add one:", "서버에 모델이 없습니다. 추가하려면:";
        submit: "Measure the starter suite:", "시작용 묶음을 측정하려면:";
        gates: "Latest gates", "최근 게이트";
        all_gates: "All gates", "모든 게이트";
    }
}
