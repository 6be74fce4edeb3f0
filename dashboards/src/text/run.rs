//! Runs and sessions.

use benchrack_protocol::energy::EnergySource;
use benchrack_protocol::evidence::KnobOutcome;
use benchrack_protocol::report::Pass;
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::validity::Validity;

texts! {
    /// Runs and sessions.
    Runs {
        session: "Session {}", "세션 {}";
        job: "Job", "작업";
        plan_asked: "Asked for", "요청한 측정";
        plan: "{} blocks of about {}", "블록 {}개, 각 약 {}";
        is_valid: "This run counts: nothing speaks against it.", "유효한 실행입니다. 문제가 없습니다.";
        is_degraded: "This run is shown, but moves no series and no gate:", "보여 주지만 시계열과 게이트에는 쓰지 않습니다:";
        is_invalid: "This run does not answer the question that was asked:", "질문에 답하지 못하는 실행입니다:";
        every_sample: "Every sample", "모든 표본";
        distribution: "Distribution", "분포";
        spread: "Spread", "퍼짐";
        samples: "Samples", "표본";
        mean: "Mean", "평균";
        mean_note: "shown, never judged", "참고용이며 판정에 쓰지 않음";
        mad: "Median absolute deviation", "중앙값 절대 편차";
        extremes: "Smallest – largest", "최소 – 최대";
        modes: "Modes", "봉우리";
        multimodal: "several: the device switched between speeds", "여러 개: 기기가 여러 속도를 오감";
        unimodal: "one", "하나";

        outputs: "Outputs", "출력";
        no_reference: "The model's manifest names no reference outputs: whether the results are right is not known.", "매니페스트에 기준 출력이 없어 결과가 맞는지 알 수 없습니다.";
        outputs_unread: "The outputs could not be read: {}", "출력을 읽지 못함: {}";
        outputs_same: "as the reference", "기준과 같음";
        outputs_differ: "not the reference's", "기준과 다름";
        output_figures: "{}: largest relative error {}, cosine {}", "{}: 최대 상대 오차 {}, 코사인 {}";

        kernels: "What was executed", "실행된 것";
        kernel_family: "Kernels", "커널";
        integers: "In integers", "정수 연산";
        not_told: "the engine does not say", "엔진이 알려 주지 않음";
        engine_threads: "Threads of the engine", "엔진 스레드";
        operators: "Operators after optimisation", "최적화 후 연산자";
        profile: "Time by operator", "연산자별 시간";
        node: "Node", "노드";
        operator: "Operator", "연산자";
        time: "Time", "시간";

        executed: "As executed", "실제 실행";
        engine_build: "Build", "빌드";
        build_words: "{} of library in an app, {}, {}", "앱에서 라이브러리 {}, {}, {}";

        frames: "From camera to answer", "카메라에서 답까지";
        frames_of: "{} frames of {}", "프레임 {}개 ({})";
        frame_inference: "Inference", "추론";
        every_frame: "Every frame", "모든 프레임";
        packaged: "Loading from a package", "포장에서 로드";
        packaging: "Packaging", "포장";
        loads: "Loads", "로드 횟수";
        unpack: "Unpacking", "풀기";
        engine_load: "By the engine", "엔진 로드";
        both: "Together", "합계";
        failed_passes: "Asked for, and not measured", "요청했지만 측정하지 못함";
        pass_frames: "Whole frames", "전체 프레임";
        pass_energy: "Energy", "에너지";
        pass_sustained: "Sustained load", "지속 부하";
        pass_loads: "Loading from packages", "포장에서 로드";
        printed: "What the program printed", "프로그램 출력";
        printed_note: "The engine's own program measured; it gives a summary and no samples, so that nothing is judged by it.", "엔진 자체 프로그램이 측정했습니다. 표본 없이 요약만 있으므로 판정에 쓰지 않습니다.";
        inferences: "Inferences", "추론 횟수";
        median_short: "Median", "중앙값";
        minimum: "Smallest", "최소";
        maximum: "Largest", "최대";
        deviation: "Standard deviation", "표준 편차";

        energy: "Energy", "에너지";
        energy_meter: "Told by {}: {}; a new value every {}; {} inferences in {}", "측정원: {} ({}), {}마다 새 값, 추론 {}회, {}";
        power_at_rest: "Power at rest", "휴지 전력";
        by_rails: "power rails", "전력 레일";
        by_service: "power rails, asked of the system's service", "전력 레일 (시스템 서비스)";
        by_rapl: "processor energy counters (RAPL)", "프로세서 에너지 카운터 (RAPL)";
        by_gauge: "the battery's current times voltage", "배터리 전류 × 전압";
        by_charge: "the battery's charge counter times voltage", "배터리 충전량 × 전압";
        sustained: "Minutes of load", "지속 부하";
        first_minute: "First minute, median", "첫 1분 중앙값";
        throttled_after: "Slower for good after", "느려진 시점";
        plateau: "Plateau, median of the last third", "안정 수준 (마지막 1/3 중앙값)";
        recovered_after: "Recovered, after the load", "회복까지";
        never_throttled: "it never became slower", "느려지지 않음";
        no_plateau: "a load of less than three minutes has none", "3분 미만의 부하에는 없음";
        not_recovered: "not while it was watched", "지켜보는 동안 회복되지 않음";
        nothing_to_recover: "it never became slower", "느려지지 않음";

        memory: "Memory of the runner", "러너 메모리";
        figure: "Figure", "항목";
        before_load: "Before loading", "로드 전";
        after_blocks: "After the blocks", "블록 후";
        kernel_silent: "the kernel does not say", "커널이 알려 주지 않음";
        peak_rss: "Peak resident", "최대 상주";
        rss: "Resident", "상주";
        pss: "Proportional (PSS)", "비례 (PSS)";
        pss_anonymous: "PSS, anonymous", "PSS, 익명";
        pss_file: "PSS, file-backed", "PSS, 파일";
        rss_anonymous: "Resident, anonymous", "상주, 익명";
        rss_file: "Resident, file-backed", "상주, 파일";
        added_by_model: "Added by the model", "모델이 더한 양";

        threads: "Where threads ran", "스레드 위치";
        thread: "Thread", "스레드";
        allowed: "Allowed on", "허용 코어";
        last_ran: "Last ran on", "마지막 코어";

        blocks: "Blocks", "블록";
        block: "Block", "블록";
        round: "Round", "라운드";
        started: "Started after", "시작 시점";
        waited: "Waited for a CPU", "CPU 대기";
        suspended: "Suspended", "절전";

        evidence: "Evidence", "증거";
        no_evidence: "The session failed before any evidence was gathered.", "증거를 모으기 전에 세션이 실패했습니다.";
        settled: "Waited {} until the device was cool and idle", "기기가 식고 한가해질 때까지 {} 대기";
        not_settled: "The device did not become cool and idle within {}: {}", "{} 안에 기기가 식거나 한가해지지 않음: {}";
        load_and_pressure: "Load (1 min): {}; CPU pressure (10 s, %): {}", "부하 (1분): {}; CPU 압박 (10초, %): {}";
        ran_on: "Asked for {}: CPUs {}", "요청: {} (CPU {})";
        no_knobs: "No knob was asked for: clocks ran as the governor liked.", "설정 요청 없음: 클럭은 거버너에 맡김.";
        knobs_held: "{} of {} knobs read back as asked", "설정 {} / {}개가 요청대로 읽힘";
        knobs_restored: "{} of {} knobs were restored", "설정 {} / {}개가 복원됨";
        no_residency: "No clock statistics: it cannot be shown that clocks stood still.", "클럭 통계가 없어 클럭이 일정했는지 알 수 없음.";
        stayed: "{} of the time at {}", "시간의 {} 동안 {}";
        no_ticks: "too short for the kernel's clock statistics", "커널 클럭 통계를 내기에 너무 짧음";
        stay_unknown: "time by clock: {}", "클럭별 시간: {}";
        transitions: "{} changes", "변경 {}회";
        transitions_unknown: "changes: {}", "변경: {}";
        stolen: "A hypervisor took {} of a CPU.", "하이퍼바이저가 CPU의 {} 사용.";
        steal_unknown: "Time taken by a hypervisor: {}", "하이퍼바이저 사용 시간: {}";
        steady: "Steady after {} warm-up inferences", "준비 운동 {}회 후 안정";
        unsteady: "Still a trend after {} warm-up inferences", "준비 운동 {}회 후에도 추세 있음";
        all_placed: "All {} threads stayed on CPUs {}", "스레드 {}개가 모두 CPU {}에 머묾";
        misplaced: "Of {} threads some left CPUs {}", "스레드 {}개 중 일부가 CPU {}를 벗어남";
        knobs: "Knobs", "설정";
        knob: "Knob", "설정";
        before: "Before", "이전";
        asked: "Asked", "요청";
        read_back: "Read back", "다시 읽음";
        outcome: "Outcome", "결과";
        restored: "Restored", "복원";
        held: "held", "유지됨";
        refused: "refused", "거부됨";
        missing_knob: "absent", "없음";
        overridden: "overridden", "덮어써짐";
        unverified: "accepted, cannot be read back", "수락됨, 다시 읽을 수 없음";

        provenance: "Provenance", "출처";
        artifact: "File (SHA-256)", "파일 (SHA-256)";
        received: "Received", "수신";
        device_clock: "Started, by the device's clock", "시작 (기기 시계)";
        duration: "Duration of the session", "세션 길이";
        report: "Report", "보고서";
        published: "Published: {}", "발표된 값: {}";
        downloads: "Download:", "내려받기:";

        pairs: "Side by side", "나란히 비교";
        pairs_note: "Ratios are taken round by round, so that drift of the device cancels; with 95 % intervals.", "라운드마다 비율을 구하므로 기기의 변화가 상쇄됩니다. 95 % 구간 표시.";
        watched: "Beside the blocks", "블록 옆에서 본 것";
        not_watched: "{}: this device showed nothing of it.", "{}: 이 기기에서 볼 수 없음.";

        not_a_model: "Not an ONNX model", "ONNX 모델이 아님";
        unsupported_operator: "The engine lacks an operator", "엔진이 지원하지 않는 연산자";
        refused_by_engine: "The engine refuses the model", "엔진이 모델을 거부함";
        engine_missing: "No such engine on the device", "기기에 엔진이 없음";
        unsupported: "The engine cannot do this", "엔진이 할 수 없음";
        inference_failed: "An inference failed", "추론 실패";
        runner_died: "The runner died", "러너가 죽음";
        runner_hung: "The runner gave no answer in time", "러너가 응답하지 않음";
        protocol_violated: "The runner broke its protocol", "러너가 규약을 어김";
        artifact_unavailable: "The model could not be fetched", "모델을 받지 못함";
        operating_point_impossible: "The device cannot do this operating point", "기기가 이 동작점을 지원하지 않음";
        stopped: "The agent was stopped", "에이전트가 중단됨";
        cut_off: "the agent ended it to protect the device", "기기 보호를 위해 에이전트가 중단함";
    }
}

impl Runs {
    /// What a run's validity means.
    pub(crate) fn judgement(&self, validity: &Validity) -> &'static str {
        match validity {
            Validity::Valid => self.is_valid,
            Validity::Degraded { .. } => self.is_degraded,
            Validity::Invalid { .. } => self.is_invalid,
        }
    }

    /// A pass after the blocks.
    pub(crate) fn pass(&self, pass: Pass) -> &'static str {
        match pass {
            Pass::Frames => self.pass_frames,
            Pass::PackagedLoads => self.pass_loads,
            Pass::Energy => self.pass_energy,
            Pass::Sustained => self.pass_sustained,
        }
    }

    /// What told energy.
    pub(crate) fn energy_source(&self, source: EnergySource) -> &'static str {
        match source {
            EnergySource::Rails => self.by_rails,
            EnergySource::RailsByService => self.by_service,
            EnergySource::Rapl => self.by_rapl,
            EnergySource::FuelGauge => self.by_gauge,
            EnergySource::ChargeCounter => self.by_charge,
        }
    }

    /// Why a subject has no measurement.
    pub(crate) fn failure(&self, reason: &FailureReason) -> &'static str {
        match reason {
            FailureReason::NotAModel => self.not_a_model,
            FailureReason::UnsupportedOperator => self.unsupported_operator,
            FailureReason::RefusedByEngine => self.refused_by_engine,
            FailureReason::EngineMissing => self.engine_missing,
            FailureReason::Unsupported => self.unsupported,
            FailureReason::InferenceFailed => self.inference_failed,
            FailureReason::RunnerDied => self.runner_died,
            FailureReason::RunnerHung => self.runner_hung,
            FailureReason::ProtocolViolated => self.protocol_violated,
            FailureReason::ArtifactUnavailable => self.artifact_unavailable,
            FailureReason::OperatingPointImpossible => self.operating_point_impossible,
            FailureReason::Stopped => self.stopped,
            FailureReason::CutOff => self.cut_off,
        }
    }

    /// What became of a knob.
    pub(crate) fn outcome_word(&self, outcome: KnobOutcome) -> &'static str {
        match outcome {
            KnobOutcome::Held => self.held,
            KnobOutcome::Refused => self.refused,
            KnobOutcome::Absent => self.missing_knob,
            KnobOutcome::Overridden => self.overridden,
            KnobOutcome::Unverified => self.unverified,
        }
    }
}
