//! Sentences that come whole, from the server's judgement and from agents, in English: they stand in receipts, in the API and in
//! old rows. They are known again by the words around their values, and said in the reader's language; what is not known, such
//! as an error's own text, stays as it is and says so.
//!
//! `{}` is a value that is kept; `{metric}`, `{side}`, `{validity}` and `{reason}` are words with a name in each language;
//! `{text}` is a sentence again. Both languages have the same in the same order. What fits first counts.

use benchrack_protocol::api::Metric;
use benchrack_protocol::validity::Reason;

use super::Texts;
use crate::Language;

const SENTENCES: &[(&str, &str)] = &[
    // Around others.
    (
        "{text}; {} of {} rounds were disturbed by others and left out",
        "{text}. 다른 프로세스가 방해한 라운드 {}개(전체 {}개) 제외",
    ),
    ("{metric}: {text}", "{metric}: {text}"),
    // A gate, over all devices.
    (
        "slower than the {} that are accepted: no device alone is sure, all together are",
        "허용치 {}보다 느림: 기기 하나로는 확실하지 않지만 모두 합치면 확실함",
    ),
    (
        "slower than the {} that are accepted on {} of {} devices, most on {}: {}",
        "허용치 {}보다 느림: 기기 {}대(전체 {}대), 최대 {} {}",
    ),
    ("slower than the {} that are accepted: {}", "허용치 {}보다 느림: {}"),
    ("slower than the {} that are accepted", "허용치 {}보다 느림"),
    (
        "{metric} above the {} that are accepted on {} of {} devices, most on {}: {}",
        "{metric}: 허용치 {} 초과, 기기 {}대(전체 {}대), 최대 {} {}",
    ),
    ("{metric} above the {} that are accepted: {}", "{metric}: 허용치 {} 초과: {}"),
    (
        "within the {} that are accepted on all {} devices, at most {}, within budget",
        "허용치 {} 이내: 기기 {}대 모두, 최대 {}, 예산 이내",
    ),
    ("within the {} that are accepted on all {} devices, within budget", "허용치 {} 이내: 기기 {}대 모두, 예산 이내"),
    ("within the {} that are accepted on all {} devices, at most {}", "허용치 {} 이내: 기기 {}대 모두, 최대 {}"),
    ("within the {} that are accepted on all {} devices", "허용치 {} 이내: 기기 {}대 모두"),
    ("within the {} that are accepted: {}, within budget", "허용치 {} 이내: {}, 예산 이내"),
    ("within the {} that are accepted, within budget", "허용치 {} 이내, 예산 이내"),
    ("within the {} that are accepted: {}", "허용치 {} 이내: {}"),
    ("wrong outputs on {} of {} devices: {text}", "출력 불일치, 기기 {}대(전체 {}대): {text}"),
    ("wrong outputs: {text}", "출력 불일치: {text}"),
    ("over budget on {} of {} devices: {text}", "예산 초과, 기기 {}대(전체 {}대): {text}"),
    ("over budget: {text}", "예산 초과: {text}"),
    (
        "inconclusive: {text}; about {} device-minutes more would probably tell",
        "결론 없음: {text}. 기기 시간 약 {}분을 더 쓰면 알 수 있을 것",
    ),
    ("inconclusive: {text}", "결론 없음: {text}"),
    ("simulated: {text}", "시뮬레이션: {text}"),
    // One device or metric of it.
    ("within the {} that are accepted", "허용치 {} 이내"),
    ("slower by more than the {} that are accepted: {}", "허용치 {}보다 더 느려짐: {}"),
    ("slower by more than the {} that are accepted", "허용치 {}보다 더 느려짐"),
    ("noise of quantisation larger by more than the {} that are accepted", "양자화 잡음이 허용치 {}보다 더 커짐"),
    ("larger by more than the {} that are accepted", "허용치 {}보다 더 커짐"),
    (
        "the candidate's outputs differ from its reference: output {}, relative error {}, cosine {}",
        "후보의 출력이 기준 출력과 다름: 출력 {}, 상대 오차 {}, 코사인 {}",
    ),
    ("{metric} has no figure in these runs: {text}", "이 실행들에 {metric} 값이 없음: {text}"),
    ("{metric} has no figure in these runs", "이 실행들에 {metric} 값이 없음"),
    ("no metric was asked for", "요청한 지표가 없음"),
    (
        "no round gave a valid block of both, see the runs for the reason",
        "양쪽 모두 유효한 블록을 낸 라운드가 없음. 이유는 실행에 있음",
    ),
    (
        "{} pair cannot decide at this alpha, {} can: measure longer",
        "{}쌍으로는 이 오류율에서 판정할 수 없고 {}쌍이면 가능: 더 오래 측정하세요",
    ),
    (
        "{} pairs cannot decide at this alpha, {} can: measure longer",
        "{}쌍으로는 이 오류율에서 판정할 수 없고 {}쌍이면 가능: 더 오래 측정하세요",
    ),
    (
        "{} pairs leave it open, {} would probably decide: measure longer",
        "{}쌍으로는 알 수 없고 {}쌍이면 판정될 것: 더 오래 측정하세요",
    ),
    (
        "after {} pairs the effect is too close to the tolerance to be told from it: change the tolerance",
        "{}쌍 뒤에도 변화가 허용치와 너무 가까워 구분되지 않음: 허용치를 바꾸세요",
    ),
    (
        "its interval holds the tolerance: measure longer or change the tolerance",
        "구간이 허용치를 포함함: 더 오래 측정하거나 허용치를 바꾸세요",
    ),
    ("{} device in doubt, none slower", "판정이 불확실한 기기 {}대, 느려진 기기 없음"),
    ("{} devices in doubt, none slower", "판정이 불확실한 기기 {}대, 느려진 기기 없음"),
    ("{} device judged, {} needed: choose more devices", "판정된 기기 {}대, 필요 {}대: 기기를 더 고르세요"),
    ("{} devices judged, {} needed: choose more devices", "판정된 기기 {}대, 필요 {}대: 기기를 더 고르세요"),
    // Why its runs do not count.
    ("the {side}'s run is {validity}: {reason}, {text}", "{side} 실행이 {validity}: {reason}, {text}"),
    ("others took CPU time from the runners in all of its {} rounds", "라운드 {}개 모두에서 다른 프로세스가 CPU 시간을 빼앗음"),
    ("the {side} could not be measured: {text}", "{side} 측정 실패: {text}"),
    ("the {side} has no run in its session", "세션에 {side} 실행이 없음"),
    ("its session failed: {text}", "세션 실패: {text}"),
    ("its CPU is emulated: its times do not count", "CPU가 에뮬레이션이라 시간은 인정되지 않음"),
    ("its session has {} runs; a gate needs a baseline and a candidate", "세션의 실행이 {}건임. 게이트에는 기준과 후보가 필요함"),
    // Checks of a study.
    ("{} of {} rounds were disturbed by others and left out", "다른 프로세스가 방해한 라운드 {}개(전체 {}개) 제외"),
    ("measured in separate sessions", "서로 다른 세션에서 측정함"),
    ("about {} times as many blocks (suite.plan.blocks)", "블록을 약 {}배로 (suite.plan.blocks)"),
    ("about {} times as many sessions", "세션을 약 {}배로"),
    ("about {} times as many samples, better in one session", "표본을 약 {}배로, 되도록 한 세션에서"),
    (
        "another bound: the value lies too near to this one to be told from it",
        "다른 한계값: 값이 지금 한계와 너무 가까워 구분되지 않음",
    ),
    ("the {}'s run is {validity}: {reason}, {text}", "{} 실행이 {validity}: {reason}, {text}"),
    ("the {} could not be measured: {text}", "{} 측정 실패: {text}"),
    ("{} was not measured: the farm has no build of {}", "{} 측정 안 됨: 팜에 {} 빌드가 없음"),
    ("{} was not measured: {text}", "{} 측정 안 됨: {text}"),
    ("it was not measured", "측정 안 됨"),
    ("{} was not measured", "{} 측정 안 됨"),
    ("its session does not name it", "세션이 이것을 가리키지 않음"),
    ("its session has no evidence", "세션에 증거가 없음"),
    ("{} of {} is not known", "알 수 없음: {} ({})"),
    ("{} is not measured", "{}: 측정하지 않는 값"),
    ("no session has both", "둘 다 측정한 세션이 없음"),
    ("no round has both", "둘 다 측정한 라운드가 없음"),
    ("{} rounds that both were measured in, {} are needed; {text}", "둘 다 측정한 라운드 {}개, 필요 {}개. {text}"),
    ("{} rounds that both were measured in, {} are needed", "둘 다 측정한 라운드 {}개, 필요 {}개"),
    ("{} sessions are too few for an interval", "세션 {}개로는 구간을 낼 수 없음"),
    ("{} of {} reaches zero: it has no ratio", "{} ({}) 값이 0에 닿아 비율을 낼 수 없음"),
    (
        "{} are too few for an interval of {} at the level that this many checks ask for",
        "{}로는 너무 적어, 이만큼 많은 검사가 요구하는 수준의 {} 구간을 낼 수 없음",
    ),
    (
        "{} is one value in a session, and {} sessions that count gave one",
        "{}: 세션마다 값이 하나이고, 인정되는 세션 {}개가 값을 냄",
    ),
    // What a check lacks.
    ("a build of {} for this device: {}", "이 기기용 {} 빌드: {}"),
    ("a session that measures it: run the study again", "이것을 측정하는 세션: 스터디를 다시 실행하세요"),
    ("a session that measures both", "둘 다 측정하는 세션"),
    ("a study with fewer checks", "검사 수가 더 적은 스터디"),
    ("an engine with a build of its own", "자체 빌드가 있는 엔진"),
    ("a manifest that tells it, as those of {} do", "이 값을 적은 매니페스트 (예: {})"),
    ("an agent and an engine that measure it", "이것을 측정하는 에이전트와 엔진"),
    ("an engine whose runner gives samples", "러너가 표본을 내는 엔진"),
    ("a figure above zero", "0보다 큰 값"),
    ("figures above zero", "0보다 큰 값"),
    ("samples above zero", "0보다 큰 표본"),
    ("a device that has nothing else to do, or more blocks", "다른 일을 하지 않는 기기, 또는 더 많은 블록"),
    ("a device that has nothing else to do", "다른 일을 하지 않는 기기"),
    ("a device that stays awake", "깨어 있는 기기"),
    ("a cooler device, or a lower clock", "더 시원한 기기, 또는 더 낮은 클럭"),
    ("cores that stay online", "온라인으로 남는 코어"),
    ("cores that the runner can keep", "러너가 계속 쓸 수 있는 코어"),
    ("clocks that can be pinned", "고정할 수 있는 클럭"),
    ("a longer warm-up (suite.plan.max_warmup_time)", "더 긴 워밍업 (suite.plan.max_warmup_time)"),
    ("outputs that equal the model's reference", "모델의 기준과 같은 출력"),
    ("a run that succeeds", "성공하는 실행"),
    ("more blocks (suite.plan.blocks)", "더 많은 블록 (suite.plan.blocks)"),
    ("more sessions (`sessions` of the study)", "더 많은 세션 (스터디의 `sessions`)"),
    ("{} sessions (`sessions` of the study)", "세션 {}개 (스터디의 `sessions`)"),
    // What a device was waited for.
    ("the device is throttled: {} is in state {}", "기기가 스로틀링 중: {}의 상태 {}"),
    ("{} is at {}, above {}", "{}: {} ({} 초과)"),
    ("the battery is at {} %, below {} %", "배터리 {} % ({} % 미만)"),
    ("tasks waited for {} {} % of the last 10 s, {} % may be", "지난 10초 동안 작업이 {}을(를) 기다린 시간 {} %, 허용 {} %"),
    ("{} other tasks are running, {} may beside CPUs {}", "다른 작업 {}개 실행 중, 허용 {}개 (CPU {} 외)"),
    // Budgets.
    (
        "{metric} was not measured, its budget cannot be checked ({text}; {})",
        "{metric}: 측정하지 않아 예산을 확인할 수 없음 ({text}; {})",
    ),
    (
        "{metric} cannot be held against its budget with so few rounds: measure longer ({text}; {})",
        "{metric}: 라운드가 적어 예산과 비교할 수 없음: 더 오래 측정하세요 ({text}; {})",
    ),
    ("{metric} is {}, over the budget of {} ({text}; {})", "{metric}: {}, 예산 {} 초과 ({text}; {})"),
    ("{metric} is {}, within the budget of {}", "{metric}: {}, 예산 {} 이내"),
    (
        "{metric} is between {} and {}, too close to the budget of {} to tell ({text}; {})",
        "{metric}: {}~{}, 예산 {}에 너무 가까워 알 수 없음 ({text}; {})",
    ),
    // Why a run is in doubt.
    ("{}: asked {}, read back {} ({})", "{}: 요청 {}, 다시 읽은 값 {} ({})"),
    ("this device offers no clock to pin", "고정할 수 있는 클럭이 없는 기기"),
    ("{}: only {} % of the time in one operating point", "{}: 한 동작점에 머문 시간이 {} %뿐"),
    ("{}: {} transitions", "{}: 전환 {}회"),
    ("{}: stood at {}, {} was asked", "{}: {}에 머무름, 요청은 {}"),
    ("{}: seen at {}, {} was asked", "{}: {}로 관측됨, 요청은 {}"),
    ("{}: executes as at {}, {} was asked", "{}: {} 속도로 실행됨, 요청은 {}"),
    ("{}: cap fell from {} to {}", "{}: 상한이 {}에서 {}로 내려감"),
    ("{}: capped at {} of {} from the start", "{}: 처음부터 상한 {} (최대 {})"),
    ("{} was in state {} during the blocks", "블록 중 {}의 상태가 {}였음"),
    ("only CPUs {} were online, {} are measured", "온라인 CPU {}, 측정 대상 {}"),
    ("thread {} ({}) was allowed on {}, asked {}", "스레드 {}({}): 허용된 CPU {}, 요청 {}"),
    ("thread {} ({}) last ran on CPU {}, asked {}", "스레드 {}({}): 마지막 실행 CPU {}, 요청 {}"),
    ("{} within blocks", "블록 중 {}"),
    ("output {}: relative error {}, cosine {}", "출력 {}: 상대 오차 {}, 코사인 {}"),
    ("the hypervisor took {} % of a CPU", "하이퍼바이저가 CPU 하나의 {} %를 가져감"),
    ("the runner waited for a CPU in {} of {} blocks, up to {} %", "러너가 블록 {}개(전체 {}개)에서 CPU를 기다림, 최대 {} %"),
    ("still a trend after {} warm-up inferences", "워밍업 추론 {}회 뒤에도 추세가 남음"),
    ("a program of its own measured; it gives no samples", "자체 프로그램이 측정해 표본이 없음"),
    ("{} samples, {} are needed", "표본 {}개, 필요 {}개"),
    // Devices, series and alerts.
    ("measured again: slower, by gate {}", "다시 측정함: 느려짐 (게이트 {})"),
    ("measured again: not slower, by gate {}", "다시 측정함: 느려지지 않음 (게이트 {})"),
    ("measured again: larger in memory, by gate {}", "다시 측정함: 메모리 증가 (게이트 {})"),
    ("measured again: not larger in memory, by gate {}", "다시 측정함: 메모리 증가 없음 (게이트 {})"),
    ("measured again: hungrier, by gate {}", "다시 측정함: 에너지 증가 (게이트 {})"),
    ("measured again: not hungrier, by gate {}", "다시 측정함: 에너지 증가 없음 (게이트 {})"),
    ("measured again without an answer: {text}", "다시 측정했으나 답이 없음: {text}"),
    ("{} failed sessions in a row, the last: {text}", "세션이 {}번 연속 실패, 마지막: {text}"),
    ("{} devices drifted: {metric} of its control {}", "기기 {}대의 변화: 컨트롤의 {metric} {}"),
    ("{} drifted: {metric} of its control {}", "{}의 변화: 컨트롤의 {metric} {}"),
    ("{}: peak memory {} on {} devices", "{}: 최대 메모리 {} (기기 {}대)"),
    ("{}: peak memory {} on {}", "{}: 최대 메모리 {} ({})"),
    ("{}: load time {} on {} devices", "{}: 로드 시간 {} (기기 {}대)"),
    ("{}: load time {} on {}", "{}: 로드 시간 {} ({})"),
    ("{}: frame time {} on {} devices", "{}: 프레임 시간 {} (기기 {}대)"),
    ("{}: frame time {} on {}", "{}: 프레임 시간 {} ({})"),
    ("{}: {metric} {} on {} devices", "{}: {metric} {} (기기 {}대)"),
    ("{}: {metric} {} on {}", "{}: {metric} {} ({})"),
];

/// A part of a sentence that was said in another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Our words.
    Words(&'static str),
    /// A figure or a name.
    Value(&'a str),
    /// A text in English.
    English(&'a str),
}

/// The sentence in the language of the texts; one piece of English where it is not known.
pub(crate) fn said<'a>(sentence: &'a str, t: &Texts) -> Vec<Piece<'a>> {
    match t.language {
        Language::English => None,
        Language::Korean => SENTENCES.iter().find_map(|(english, korean)| translated(sentence, english, korean, t)),
    }
    .unwrap_or_else(|| vec![Piece::English(sentence)])
}

/// The same as plain text.
pub(crate) fn plainly(sentence: &str, t: &Texts) -> String {
    let text = |piece| match piece {
        Piece::Words(text) | Piece::Value(text) | Piece::English(text) => text.to_owned(),
    };
    said(sentence, t).into_iter().map(text).collect()
}

fn translated<'a>(sentence: &'a str, english: &'static str, korean: &'static str, t: &Texts) -> Option<Vec<Piece<'a>>> {
    let mut values = values(sentence, english)?.into_iter();
    let mut pieces = Vec::new();
    for (words, slot) in parts(korean) {
        if !words.is_empty() {
            pieces.push(Piece::Words(words));
        }
        let Some(slot) = slot else { continue };
        let value = values.next()?;
        match slot {
            "" => pieces.push(Piece::Value(value)),
            "text" => pieces.extend(said(value, t)),
            _ => pieces.push(Piece::Words(word(slot, value, t)?)),
        }
    }
    Some(pieces)
}

/// The words of a template, each with the name of the slot behind it.
fn parts(template: &'static str) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    template.split_inclusive('}').map(|part| match part.strip_suffix('}').and_then(|part| part.rsplit_once('{')) {
        Some((words, slot)) => (words, Some(slot)),
        None => (part, None),
    })
}

/// What stands in a template's slots, each as short as the words behind it allow; none when the sentence is another one.
fn values<'a>(sentence: &'a str, template: &'static str) -> Option<Vec<&'a str>> {
    let mut values = Vec::new();
    let mut rest = sentence;
    let mut open = false;
    for (words, slot) in parts(template) {
        if !open {
            rest = rest.strip_prefix(words)?;
        } else if slot.is_none() {
            values.push(rest.strip_suffix(words)?);
            rest = "";
        } else {
            let (value, behind) = rest.split_once(words)?;
            values.push(value);
            rest = behind;
        }
        open = slot.is_some();
    }
    if open {
        values.push(rest);
        rest = "";
    }
    (rest.is_empty() && values.iter().all(|value| !value.is_empty())).then_some(values)
}

/// A word that has a name in each language.
fn word(slot: &str, value: &str, t: &Texts) -> Option<&'static str> {
    match (slot, value) {
        ("metric", _) => Metric::named(value).map(|metric| t.common.metric(metric)),
        ("side", "baseline") => Some(t.gate.baseline),
        ("side", "candidate") => Some(t.gate.candidate),
        ("validity", "degraded") => Some(t.common.degraded),
        ("validity", "invalid") => Some(t.common.invalid),
        ("reason", _) => Reason::ALL.into_iter().find(|one| one.to_string() == value).map(|reason| t.common.doubt(reason)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::texts;

    fn korean(sentence: &str) -> String {
        let text = |piece| match piece {
            Piece::Words(text) | Piece::Value(text) => text.to_owned(),
            Piece::English(text) => format!("<{text}>"),
        };
        said(sentence, texts(Language::Korean)).into_iter().map(text).collect()
    }

    /// A value for a slot that it takes.
    fn filled(template: &'static str) -> String {
        let value = |slot| match slot {
            "metric" => "latency_p90",
            "side" => "baseline",
            "validity" => "invalid",
            "reason" => "CPU unplugged",
            "text" => "no metric was asked for",
            _ => "7",
        };
        parts(template).map(|(words, slot)| format!("{words}{}", slot.map_or("", value))).collect()
    }

    #[test]
    fn every_sentence_is_known_again_with_its_values_in_order() {
        for (english, korean_words) in SENTENCES {
            let slots = |template| parts(template).filter_map(|(_, slot)| slot).collect::<Vec<_>>();
            assert_eq!(slots(english), slots(korean_words), "{english}");
            let sentence = filled(english);
            let t = texts(Language::Korean);
            let first = SENTENCES.iter().find(|(english, korean)| translated(&sentence, english, korean, t).is_some());
            assert_eq!(first.unwrap().0, *english, "another one is found for {sentence}");
            assert!(!korean(&sentence).contains('<'), "{sentence}: {}", korean(&sentence));
        }
    }

    #[test]
    fn a_verdict_is_said_with_its_doubt_and_an_errors_text_stays_english() {
        assert_eq!(
            korean(
                "inconclusive: 12 pairs leave it open, 40 would probably decide: measure longer; about 2.5 device-minutes more would probably tell"
            ),
            "결론 없음: 12쌍으로는 알 수 없고 40쌍이면 판정될 것: 더 오래 측정하세요. 기기 시간 약 2.5분을 더 쓰면 알 수 있을 것"
        );
        assert_eq!(
            korean("slower than the 2 % that are accepted on 1 of 4 devices, most on pixel on a shelf: +6.3 %"),
            "허용치 2 %보다 느림: 기기 1대(전체 4대), 최대 pixel on a shelf +6.3 %"
        );
        assert_eq!(korean("latency_p90: within the 2 % that are accepted"), "지연 시간 p90: 허용치 2 % 이내");
        assert_eq!(korean("enet fp32 v2: peak memory +25.0 % on a phone"), "enet fp32 v2: 최대 메모리 +25.0 % (a phone)");
        assert_eq!(korean("its session failed: out of memory"), "세션 실패: <out of memory>");
        assert_eq!(korean("no such thing"), "<no such thing>");
        assert_eq!(korean(""), "<>");
        assert_eq!(
            said("within the 2 % that are accepted", texts(Language::English)),
            [Piece::English("within the 2 % that are accepted")]
        );
    }
}
