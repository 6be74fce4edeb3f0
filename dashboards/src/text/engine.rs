//! Builds of engines.

texts! {
    /// Builds of engines.
    Engines {
        lead: "Libraries and programs that the farm sends to devices. The engine tract is inside every agent and needs none.", "팜이 기기로 보내는 라이브러리와 프로그램입니다. tract 엔진은 모든 에이전트에 들어 있어 따로 필요하지 않습니다.";
        none: "The server has no builds of engines yet. Fetch ONNX Runtime, or add a library of your own:", "아직 엔진 빌드가 없습니다. ONNX Runtime을 받거나 직접 라이브러리를 추가하세요:";
        version: "Version", "버전";
        target: "Target", "대상";
        licence: "Licence", "라이선스";
        in_an_app: "In an app", "앱에 더해지는 크기";
        file: "File", "파일";
        used: "Used", "사용";
        used_on: "{} runs on {}", "실행 {}회: {}";
        unused: "not yet", "아직 없음";
        program: "benchmark program", "벤치마크 프로그램";
        library: "library", "라이브러리";
        kind: "Kind", "종류";
    }
}
