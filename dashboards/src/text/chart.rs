//! Words in and around charts.

texts! {
    /// Words in and around charts.
    Charts {
        latency: "Latency", "지연 시간";
        median: "median", "중앙값";
        p90: "p90", "p90";
        macs: "Multiply-adds", "곱셈-덧셈 수";
        so_many_macs: "{} MACs", "{} MACs";
        size: "Model size", "모델 크기";
        samples: "Samples", "표본 수";
        time_utc: "Time (UTC)", "시각 (UTC)";
        runs_in_order: "Runs in order, by model revision", "실행 순서 (모델 리비전)";
        session_time: "Time since the session's start", "세션 시작 후 시간";
        warmup: "Warm-up", "준비 운동";
        round: "Round", "라운드";
        ratio: "Ratio of latencies", "지연 시간 비율";
        effect: "Candidate against baseline", "기준 대비 후보";

        no_valid_runs: "No valid runs yet", "아직 유효한 실행이 없습니다";
        no_runs: "No runs yet", "아직 실행이 없습니다";
        no_samples: "No samples: the run failed, or they are no longer kept", "표본 없음: 실행이 실패했거나 더 이상 보관하지 않습니다";
        no_pairs: "No rounds that both subjects took part in", "두 대상이 함께 측정된 라운드가 없습니다";
        no_effect: "No device has a valid pair of blocks yet", "아직 유효한 블록 쌍이 있는 기기가 없습니다";

        against: "{} against {}", "{} 대 {}";
        against_on: "{} against {} on {}", "{} 대 {} · {}";
        scatter_description: "One mark for each architecture, precision and number of threads; outlines are fp32, solid marks int8; the broken line is the front that nothing beats in both; full lines are budgets, and what breaks one is grey", "아키텍처, 정밀도, 스레드 수마다 표식 하나. 빈 표식은 fp32, 채운 표식은 int8이며, 점선은 두 축 모두에서 더 나은 것이 없는 경계입니다. 실선은 예산이고 예산을 넘는 것은 회색입니다";

        series_title: "{}: {} {} on {}", "{}: {} {} ({})";
        series_description: "One mark for each run with its 95 % interval; hollow marks do not count; vertical lines are new revisions", "실행마다 표식 하나와 95 % 구간. 속이 빈 표식은 유효하지 않으며 세로선은 새 리비전입니다";
        series_note: "Marks with 95 % intervals. Hollow marks do not count; their reasons are in the table. Vertical lines: a new model or engine.", "표식과 95 % 구간. 속이 빈 표식은 유효하지 않으며 이유는 표에 있습니다. 세로선: 새 모델 또는 엔진.";

        together_title: "{} of {} {} on several devices", "여러 기기의 {}: {} {}";
        together_description: "Valid runs of each device as a change against that device's own median in this stretch of time", "기기마다 이 기간의 자체 중앙값 대비 변화 (유효한 실행)";
        together_note: "What all devices show at once came with the model or the engine; what one shows alone is its own.", "모든 기기에서 동시에 보이면 모델이나 엔진의 변화이고, 한 기기에서만 보이면 그 기기의 변화입니다.";
        own_median: "Against each one's own median", "자체 중앙값 대비";
        samples_title: "Every sample of {}", "{}의 모든 표본";
        samples_description: "Latency of each inference, warm-up apart on the left, then block by block over the session's time; the line is the median with its interval", "추론마다의 지연 시간. 왼쪽은 준비 운동, 그다음은 세션 시간에 따른 블록들. 가로선은 중앙값과 그 구간입니다";
        samples_note: "Grey stretches are this subject's blocks; between them others had their turn. Triangles at the upper edge stand for samples beyond it.", "회색 구간이 이 대상의 블록이며 그 사이에는 다른 대상을 측정했습니다. 위쪽 가장자리의 삼각형은 범위를 벗어난 표본입니다.";
        warmup_sample: "{}\nwarm-up, inference {}", "{}\n준비 운동, {}번째 추론";
        block_sample: "{}\nblock {}, inference {}", "{}\n블록 {}, {}번째 추론";

        distribution_title: "Distribution of {}", "{}의 분포";
        distribution_description: "How many samples of the blocks took how long", "블록 표본의 지연 시간 분포";
        distribution_note: "Samples of the blocks, without warm-up. Lines: median with its 95 % interval, and p90.", "준비 운동을 뺀 블록 표본. 선: 중앙값과 95 % 구간, p90.";
        beyond: "{} beyond the edge", "범위 밖 {}개";

        frames_title: "Frames of {}", "{}의 프레임";
        frames_description: "Each frame as a stack of its parts: conversion below, inference, post-processing above", "프레임마다 부분을 쌓아 표시: 아래부터 변환, 추론, 후처리";
        frame_number: "Frame", "프레임";
        frame_time: "Time", "시간";
        no_frames: "No frames were measured", "측정한 프레임이 없습니다";

        sustained_title: "{} of {} under load for minutes", "{}: {}의 지속 부하";
        sustained_description: "Slice by slice while inferences follow each other without a pause; outlined marks are short looks while the device rests after it", "쉬지 않고 추론하는 동안의 구간별 값. 빈 표식은 그 뒤 쉬는 동안 잠깐 잰 값입니다";
        sustained_note: "The line is the load; outlined marks are short looks while the device rests after it.", "선은 부하 중의 값이며, 빈 표식은 그 뒤 쉬는 동안 잠깐 잰 값입니다.";
        load_time: "Time since the load began", "부하 시작 후 시간";

        turns: "Turns", "측정 순서";
        turns_description: "The blocks of each subject over the session's time", "세션 시간에 따른 대상별 블록";
        clocks: "Clock", "클럭";
        temperatures: "Temperature", "온도";
        pressure: "CPU pressure", "CPU 압박";
        pressure_line: "some, 10 s", "some, 10초";
        clocks_note: "Broken lines are the caps in force.", "점선은 적용 중인 상한입니다.";
        watch_description: "What the agent saw beside the blocks, over the session's time", "세션 동안 에이전트가 본 값";

        forest_title: "{} against {}", "{} 대 {}";
        forest_description: "Change of latency by device with its interval; the band is what the tolerance allows", "기기별 지연 시간 변화와 구간. 띠는 허용 범위입니다";
        findings_description: "Change by device with its interval; to the right is more", "기기별 변화와 구간. 오른쪽일수록 커집니다";
        forest_note: "To the right is slower. A whole interval beyond the line is slower for certain; a whole interval within the band is not slower.", "오른쪽일수록 느립니다. 구간 전체가 선을 넘으면 확실히 느린 것이고, 띠 안에 있으면 느려지지 않은 것입니다.";
        tolerance: "tolerance {}", "허용 {}";

        pair_title: "{} against {}", "{} 대 {}";
        pair_description: "Ratio of latencies in each round; 1 is equal", "라운드별 지연 시간 비율. 1이면 같음";
        round_ratio: "round {}\n{}", "라운드 {}\n{}";
    }
}
