//! Operating points of a device.

texts! {
    /// Operating points of a device.
    Points {
        title: "Which cores, at which clock", "어느 코어를 어느 클럭으로";
        none: "Nothing was measured here at a chosen clock yet. Every cluster at each of its operating points, with energy:", "아직 클럭을 정해 측정한 것이 없습니다. 모든 클러스터를 동작점마다 에너지와 함께 측정하려면:";
        rates: "Inferences a second", "초당 추론 횟수";
        cheapest: "Cheapest: {} with {} for an inference", "에너지가 가장 적은 것: {}, 추론 1회에 {}";
        against: "{} needs {}: {} times as much.", "{}: {} 필요, {}배입니다.";
        apart: "The intervals do not overlap.", "두 구간은 겹치지 않습니다.";
        not_apart: "The intervals overlap: the two cannot be told apart.", "두 구간이 겹쳐 구별할 수 없습니다.";
        only: "No other cores keep the limits with their energy known.", "에너지를 알면서 한도를 지키는 다른 코어는 없습니다.";
        no_energy: "No valid run with a figure of energy keeps the limits. The fastest is {}: {} at the 90th percentile.", "에너지를 측정한 유효한 실행 중 한도를 지키는 것이 없습니다. 가장 빠른 것은 {}: p90 {}.";
        rule: "For each choice of cores the valid run that takes the least energy for an inference and keeps the limits; where none does, the fastest. Energy is what an inference adds to the device at rest.", "코어마다 한도를 지키면서 추론 1회 에너지가 가장 적은 유효한 실행, 없으면 가장 빠른 실행. 에너지는 쉬는 기기에 추론 1회가 더하는 양입니다.";
        cores: "Cores", "코어";
        clock: "Clock", "클럭";
        clock_unknown: "Left to the governor, or not told by the device", "거버너에 맡겼거나 기기가 알려주지 않음";
        verdict: "Within the limits", "한도 안에서";
        best: "cheapest", "가장 적음";
        keeps: "yes", "예";
        misses: "no", "아니요";
        latency_clock: "Latency over clock", "클럭에 따른 지연 시간";
        energy_clock: "Energy over clock", "클럭에 따른 에너지";
        title_of: "{}: {} on {}", "{}: {} ({})";
        description: "One line for each choice of cores, one mark for each operating point with its 95 % interval; hollow marks do not count, grey ones break a limit", "코어마다 선 하나, 동작점마다 표식 하나와 95 % 구간. 속이 빈 표식은 유효하지 않고 회색 표식은 한도를 넘습니다";
        note: "The largest mark of a line is its cheapest within the limits. Grey breaks a limit, hollow does not count.", "선마다 가장 큰 표식이 한도 안에서 에너지가 가장 적은 점입니다. 회색은 한도 초과, 빈 표식은 무효입니다.";
        no_points: "No run of this subject has both this figure and a known clock", "이 값과 클럭을 모두 아는 실행이 없습니다";
        sustained: "Under load for minutes", "몇 분간의 부하";
    }
}
