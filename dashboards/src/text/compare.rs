//! The comparison.

use super::Texts;
use crate::view::Dimension;

texts! {
    /// The comparison.
    Compare {
        lead: "Which architecture to ship on which phone: newest valid runs, fastest first.", "어떤 폰에 어떤 아키텍처를 실을지: 최신 유효 실행을 빠른 순서로 보여 줍니다.";
        show: "Show", "보기";
        all: "all", "전체";
        no_base: "none", "없음";
        f_device: "Device", "기기";
        f_precision: "Precision", "정밀도";
        f_threads: "Threads", "스레드";
        f_engine: "Engine", "엔진";
        f_cores: "Cores", "코어";
        f_frequency: "Clock", "클럭";
        f_base: "Relative to", "비교 기준";
        f_model: "Model", "모델";
        f_metric: "Metric", "지표";
        f_y: "Draw", "그리기";
        f_x: "against", "대";
        at_most: "{} at most, {}", "{} 최대, {}";
        left_out: "{} more fit and are left out: other operating points and older builds of engines. Choose cores, a frequency or an engine to see them.", "{}개가 더 있지만 생략했습니다: 다른 동작점과 이전 엔진 빌드입니다. 코어, 주파수, 엔진을 선택하면 볼 수 있습니다.";
        revisions: "The newest revisions of {} in each precision. With one chosen as base the others show what changed.", "{}의 정밀도별 최신 리비전. 하나를 기준으로 고르면 나머지와의 차이가 나옵니다.";
        presets: "Budgets", "예산";
        fastest_int8: "Fastest int8", "가장 빠른 int8";
        over: "over budget", "예산 초과";
        none_fits: "Nothing measured here keeps every budget.", "모든 예산을 지키는 측정이 없습니다.";
        some_fit: "{} of {} keep every budget; the others are dim.", "예산을 모두 지키는 것: {} / {}. 나머지는 흐리게 표시합니다.";
        nothing: "Nothing measured fits this choice.", "이 조건에 맞는 측정이 없습니다.";
        submit: "Choose less above, or measure:", "위에서 조건을 줄이거나 측정하세요:";
        across: "Across devices", "기기별 비교";
        matrix_caption: "Median latency by device; the fastest of each device is marked", "기기별 지연 시간 중앙값. 기기마다 가장 빠른 것을 표시";
        caption: "Architectures on {}", "{}의 아키텍처";
        fastest: "Fastest", "가장 빠름";
        smallest: "Smallest file", "가장 작은 파일";
        least_memory: "Least memory", "가장 적은 메모리";
        most_from_int8: "Most from int8", "int8 효과 최대";
        in_file: "in a file of {}", "파일 크기 {}";
        in_time: "in {}", "지연 시간 {}";
        at_worst: "at worst {} for another model", "다른 모델은 최저 {}";
        relative: "Time against base", "기준 대비 시간";
        speedup: "Speed-up by int8", "int8 속도 향상";
        fidelity: "Fidelity to fp32", "fp32 충실도";
        fidelity_words: "{} dB signal to noise; same first class in {} of {} images", "신호 대 잡음 {} dB; 이미지 {} ({}장) 에서 같은 1순위";
        only_int8: "for int8 only: fp32 is the reference", "int8에만 해당: fp32가 기준";
        executed: "As executed", "실제 실행";
        in_integers: "in integers: {}", "정수 연산: {}";
        by_engine: "Engines side by side", "엔진별 비교";
        engine_caption: "Median latency by engine and precision of the file; the fastest of each architecture is marked", "엔진과 파일 정밀도별 지연 시간 중앙값. 아키텍처마다 가장 빠른 것을 표시";
        library: "library {}", "라이브러리 {}";
        built_in: "inside the agent", "에이전트에 내장";
        mean_only: "mean by the program; summary only", "프로그램이 보고한 평균 (요약만)";
        front: "front", "경계";
        front_why: "Nothing that counts here is both faster and smaller", "유효한 것 중 더 빠르면서 더 작은 것은 없음";
        history: "history", "이력";
        solid: "int8", "int8";
        outline: "fp32", "fp32";
        hollow: "does not count", "유효하지 않음";
    }
}

impl Compare {
    /// Name of a figure that is an axis.
    pub(crate) fn dimension(&self, dimension: Dimension, t: &Texts) -> &'static str {
        match dimension {
            Dimension::Measured(metric) => t.common.metric(metric),
            Dimension::Size => t.chart.size,
            Dimension::Macs => t.chart.macs,
            Dimension::Parameters => t.common.parameters,
            Dimension::Sqnr => self.fidelity,
            Dimension::Accuracy => t.common.claimed_accuracy,
        }
    }

    /// Name of a choice; the parameter's own name where there is none.
    pub(crate) fn facet<'a>(&self, name: &'a str) -> &'a str {
        match name {
            "device" => self.f_device,
            "precision" => self.f_precision,
            "threads" => self.f_threads,
            "engine" => self.f_engine,
            "cores" => self.f_cores,
            "frequency" => self.f_frequency,
            "base" => self.f_base,
            "model" => self.f_model,
            "metric" => self.f_metric,
            "x" => self.f_x,
            "y" => self.f_y,
            other => other,
        }
    }
}
