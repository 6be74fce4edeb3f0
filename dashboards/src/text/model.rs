//! The models.

texts! {
    /// The models.
    Models {
        lead: "Every model file the server knows, newest revision first. Sizes are of the file as it is.", "서버가 아는 모든 모델 파일 (최신 리비전 먼저). 크기는 파일 그대로입니다.";
        none: "The server has no models yet. Build the zoo and add it:", "아직 모델이 없습니다. 동물원을 만들어 추가하세요:";
        own: "Or add your own:", "또는 직접 만든 모델을 추가하세요:";
        family: "Family", "계열";
        input: "Input", "입력";
        added: "Added", "추가됨";
        origin: "Origin", "출처";
        packages: "Packaged: size, load time", "포장: 크기, 로드 시간";
        superseded: "superseded", "대체됨";
    }
}
