//! Words of several pages, and the names of what the wire types distinguish.

use benchrack_protocol::api::Metric;
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::reading::Missing;
use benchrack_protocol::validity::{Reason, Validity};

texts! {
    /// Words of several pages.
    Common {
        skip: "Skip to the content", "본문으로 건너뛰기";
        main_navigation: "Main", "주 메뉴";
        rack: "Rack", "랙";
        compare: "Compare", "비교";
        series: "Series", "시계열";
        models: "Models", "모델";
        engines: "Engines", "엔진";
        alerts: "Alerts", "알림";
        gates: "Gates", "게이트";
        studies: "Studies", "연구";
        search: "Search", "검색";
        keys: "Keys", "단축키";
        key_help: "these keys", "이 도움말";
        key_next: "next part of a list, earlier part of a series", "목록의 다음 부분, 시계열의 이전 부분";
        close: "Close", "닫기";
        theme_auto: "Colours: as your system. Change to dark", "색상: 시스템 설정. 어둡게 바꾸기";
        theme_dark: "Colours: dark. Change to light", "색상: 어둡게. 밝게 바꾸기";
        theme_light: "Colours: light. Change to your system's", "색상: 밝게. 시스템 설정으로 바꾸기";
        server_time: "server time", "서버 시각";
        save_view: "Save this view", "이 보기 저장";
        view_name: "Name", "이름";
        save: "Save", "저장";
        this_page_as: "This page as", "이 페이지를 다음 형식으로:";
        log_in: "Log in", "로그인";
        log_out: "Log out", "로그아웃";
        logged_in_as: "Logged in with the token '{}'", "'{}' 토큰으로 로그인함";
        token: "Token", "토큰";
        token_how: "A token is made on the server:", "토큰은 서버에서 만듭니다:";
        to_home: "To the first page", "첫 페이지로";
        request_id: "Request", "요청 번호";
        older: "Older", "이전 항목";
        yes: "yes", "예";
        no: "no", "아니요";

        device: "Device", "기기";
        agent: "Agent", "에이전트";
        model: "Model", "모델";
        subject: "Subject", "측정 대상";
        architecture: "Architecture", "아키텍처";
        engine: "Engine", "엔진";
        threads_short: "{} T", "{} T";
        threads_long: "threads: {}", "스레드 {}";
        operating_point: "Cores · clock", "코어 · 클럭";
        with_knobs: "with {}", "{} 설정";
        all_cores: "all cores", "모든 코어";
        unpinned: "clock not pinned", "클럭 고정 안 함";
        measured: "Measured", "측정 시각";
        counts: "Validity", "유효성";
        size: "Size", "크기";
        parameters: "Parameters", "파라미터";
        macs: "MACs", "MACs";
        claimed_accuracy: "Accuracy (claimed)", "정확도 (주장)";
        median_latency: "Median latency", "지연 시간 중앙값";
        peak_memory: "Peak memory", "최대 메모리";
        load: "Load", "로드";
        first_inference: "First inference", "첫 추론";
        never_measured: "never measured", "측정한 적 없음";
        not_in_manifest: "the manifest does not say", "매니페스트에 없음";

        latency: "Median latency", "지연 시간 중앙값";
        latency_p90: "Latency p90", "지연 시간 p90";
        latency_p99: "Latency p99", "지연 시간 p99";
        load_time: "Load time", "로드 시간";
        peak_rss: "Peak memory", "최대 메모리";
        pss: "Memory (PSS)", "메모리 (PSS)";
        model_size: "Model size", "모델 크기";
        latency_mean: "Mean latency, by the program", "평균 지연 (프로그램 보고)";
        frame: "Whole frame", "프레임 전체";
        frame_p90: "Whole frame, p90", "프레임 전체, p90";
        frame_jitter: "Frame jitter", "프레임 지터";
        frame_rate: "Frame rate", "프레임률";
        frame_conversion: "Frame conversion", "프레임 변환";
        frame_post: "Post-processing", "후처리";
        load_raw: "Load, several times", "로드, 여러 번";
        load_zstd: "Load, compressed", "로드, 압축";
        load_encrypted_then_zstd: "Load, encrypted then compressed", "로드, 암호화 후 압축";
        load_zstd_then_encrypted: "Load, compressed then encrypted", "로드, 압축 후 암호화";

        energy: "Energy per inference", "추론당 에너지";
        power: "Power under load", "부하 전력";
        model_peak_rss: "Peak memory of the model", "모델 최대 메모리";
        model_pss_anonymous: "PSS of the model, anonymous", "모델 PSS, 익명";
        model_pss_file: "PSS of the model, file-backed", "모델 PSS, 파일";
        fidelity: "Signal to quantisation noise", "신호 대 양자화 잡음";

        raw: "as it is", "그대로";
        zstd: "compressed", "압축";
        encrypted_then_zstd: "encrypted, then compressed", "암호화 후 압축";
        zstd_then_encrypted: "compressed, then encrypted", "압축 후 암호화";

        valid: "valid", "유효";
        degraded: "degraded", "의심됨";
        invalid: "invalid", "무효";
        failed: "failed", "실패";
        not_judged: "not judged", "판정 없음";
        reason: "{}: {}", "{}: {}";
        frequency_moved: "frequency moved", "주파수가 변함";
        pin_refused: "pin refused", "클럭 고정 거부됨";
        throttled: "throttled", "스로틀링";
        capped: "capped", "주파수 상한";
        unplugged: "CPU unplugged", "CPU 오프라인";
        clock_differs: "clock differs", "클럭 불일치";
        misplaced: "misplaced", "다른 코어에서 실행됨";
        interference: "interference", "간섭";
        suspended: "suspended", "절전됨";
        unsteady: "unsteady", "안정되지 않음";
        not_settled: "not settled", "준비되지 않음";
        outputs_differ: "outputs differ", "출력이 다름";
        outputs_unread: "outputs unread", "출력을 읽지 못함";
        too_few_samples: "too few samples", "표본 부족";
        summary_only: "summary only", "요약만 있음";

        gold: "gold", "금";
        gold_why: "Gold evidence: clocks were pinned, read back and shown to be still", "금 등급 증거: 클럭을 고정하고 다시 읽어 변하지 않았음을 확인함";
        silver: "silver", "은";
        silver_why: "Silver evidence: clocks were not pinned, but shown to be still", "은 등급 증거: 클럭을 고정하지 않았지만 변하지 않았음을 확인함";
        bronze: "bronze", "동";
        bronze_why: "Bronze evidence: clocks were neither pinned nor shown to be still", "동 등급 증거: 클럭을 고정하지도, 변하지 않았음을 확인하지도 못함";

        simulated: "simulated", "시뮬레이션";
        simulated_why: "A twin, not a device: nothing was executed", "실제 기기가 아닌 트윈: 아무것도 실행하지 않음";
        emulated: "emulated", "에뮬레이션";
        emulated_why: "Real code under an emulated CPU: outputs count, times do not", "에뮬레이션한 CPU에서 실행: 출력은 유효하지만 시간은 아님";

        idle: "idle", "대기";
        leased: "measuring", "측정 중";
        cooling: "cooling", "냉각 중";
        quarantined: "quarantined", "격리됨";
        offline: "offline", "오프라인";
        retired: "retired", "퇴역";

        all_integers: "all", "전부";
        dense_integers: "dense only", "일반 합성곱만";
        no_integers: "none", "없음";

        absent: "not there on this device", "이 기기에 없음";
        denied: "the device denies it", "기기가 거부함";
        unavailable: "not available then", "당시 읽을 수 없음";
        impossible: "the device gave an impossible value", "기기가 불가능한 값을 줌";
        not_asked: "not asked", "묻지 않음";

        just_now: "just now", "방금";
        seconds_ago: "{} s ago", "{}초 전";
        minutes_ago: "{} min ago", "{}분 전";
        hours_ago: "{} h ago", "{}시간 전";
        days_ago: "{} d ago", "{}일 전";

        p_malformed: "The request cannot be read", "요청을 읽을 수 없습니다";
        p_unauthorized: "A valid token is needed", "유효한 토큰이 필요합니다";
        p_forbidden: "The token does not allow this", "이 토큰으로는 할 수 없습니다";
        p_not_found: "Not found", "찾을 수 없습니다";
        p_method: "This address does not take that method", "이 주소에서 쓸 수 없는 메서드입니다";
        p_lease_lost: "The lease is no longer held", "임대가 끝났습니다";
        p_conflict: "Not possible in the present state", "현재 상태에서는 할 수 없습니다";
        p_identity: "Another agent works as this device", "다른 에이전트가 이 기기로 동작하고 있습니다";
        p_too_large: "The upload is too large", "업로드가 너무 큽니다";
        p_hash: "The content does not match its digest", "내용이 해시와 다릅니다";
        p_invalid: "The content is not valid", "내용이 올바르지 않습니다";
        p_reference: "Something named here does not exist", "지정한 대상이 없습니다";
        p_internal: "The server failed", "서버 오류입니다";
        p_unavailable: "Try again later", "나중에 다시 시도하세요";
    }
}

impl Common {
    /// Name of a metric.
    pub(crate) fn metric(&self, metric: Metric) -> &'static str {
        match metric {
            Metric::Latency => self.latency,
            Metric::LatencyP90 => self.latency_p90,
            Metric::LatencyP99 => self.latency_p99,
            Metric::FirstInference => self.first_inference,
            Metric::Load => self.load_time,
            Metric::PeakRss => self.peak_rss,
            Metric::Pss => self.pss,
            Metric::ModelSize => self.model_size,
            Metric::LatencyMean => self.latency_mean,
            Metric::Frame => self.frame,
            Metric::FrameP90 => self.frame_p90,
            Metric::FrameJitter => self.frame_jitter,
            Metric::FrameRate => self.frame_rate,
            Metric::FrameConversion => self.frame_conversion,
            Metric::FramePost => self.frame_post,
            Metric::LoadRaw => self.load_raw,
            Metric::LoadZstd => self.load_zstd,
            Metric::LoadEncryptedThenZstd => self.load_encrypted_then_zstd,
            Metric::LoadZstdThenEncrypted => self.load_zstd_then_encrypted,
            Metric::Energy => self.energy,
            Metric::Power => self.power,
            Metric::ModelPeakRss => self.model_peak_rss,
            Metric::ModelPssAnonymous => self.model_pss_anonymous,
            Metric::ModelPssFile => self.model_pss_file,
            Metric::Fidelity => self.fidelity,
        }
    }

    /// How a model file is packed.
    pub(crate) fn packaging(&self, packaging: Packaging) -> &'static str {
        match packaging {
            Packaging::Raw => self.raw,
            Packaging::Zstd => self.zstd,
            Packaging::EncryptedThenZstd => self.encrypted_then_zstd,
            Packaging::ZstdThenEncrypted => self.zstd_then_encrypted,
        }
    }

    /// Whether a run counts.
    pub(crate) fn validity(&self, validity: &Validity) -> &'static str {
        match validity {
            Validity::Valid => self.valid,
            Validity::Degraded { .. } => self.degraded,
            Validity::Invalid { .. } => self.invalid,
        }
    }

    /// Why a run is in doubt.
    pub(crate) fn doubt(&self, reason: Reason) -> &'static str {
        match reason {
            Reason::FrequencyMoved => self.frequency_moved,
            Reason::PinRefused => self.pin_refused,
            Reason::Throttled => self.throttled,
            Reason::Capped => self.capped,
            Reason::Unplugged => self.unplugged,
            Reason::ClockDiffers => self.clock_differs,
            Reason::Misplaced => self.misplaced,
            Reason::Interference => self.interference,
            Reason::Suspended => self.suspended,
            Reason::Unsteady => self.unsteady,
            Reason::NotSettled => self.not_settled,
            Reason::OutputsDiffer => self.outputs_differ,
            Reason::OutputsUnread => self.outputs_unread,
            Reason::TooFewSamples => self.too_few_samples,
            Reason::SummaryOnly => self.summary_only,
        }
    }

    /// Why a device gave no value.
    pub(crate) fn missing(&self, missing: Missing) -> &'static str {
        match missing {
            Missing::Absent => self.absent,
            Missing::Denied => self.denied,
            Missing::Unavailable => self.unavailable,
            Missing::Invalid => self.impossible,
            Missing::NotAsked => self.not_asked,
        }
    }

    /// How much ran in integer kernels.
    pub(crate) fn integers(&self, integers: &IntegerKernels) -> &'static str {
        match integers {
            IntegerKernels::All => self.all_integers,
            IntegerKernels::DenseOnly => self.dense_integers,
            IntegerKernels::None => self.no_integers,
        }
    }

    /// What went wrong.
    pub(crate) fn problem(&self, code: ProblemCode) -> &'static str {
        match code {
            ProblemCode::Malformed => self.p_malformed,
            ProblemCode::Unauthorized => self.p_unauthorized,
            ProblemCode::Forbidden => self.p_forbidden,
            ProblemCode::NotFound => self.p_not_found,
            ProblemCode::MethodNotAllowed => self.p_method,
            ProblemCode::LeaseLost => self.p_lease_lost,
            ProblemCode::Conflict => self.p_conflict,
            ProblemCode::IdentityInUse => self.p_identity,
            ProblemCode::TooLarge => self.p_too_large,
            ProblemCode::HashMismatch => self.p_hash,
            ProblemCode::Invalid => self.p_invalid,
            ProblemCode::UnknownReference => self.p_reference,
            ProblemCode::Internal | ProblemCode::Unknown => self.p_internal,
            ProblemCode::Unavailable => self.p_unavailable,
        }
    }
}
