//! The models.

texts! {
    /// The models.
    Models {
        lead: "The newest revision of every model; a name leads to its earlier ones. Sizes are of the file as it is.", "모델마다 최신 리비전입니다. 이름을 누르면 이전 리비전이 나옵니다. 크기는 파일 그대로입니다.";
        revisions_lead: "A revision and the earlier ones of the same name and precision.", "한 리비전과 같은 이름·정밀도의 이전 리비전들.";
        compare_revisions: "Compare the revisions", "리비전 비교";
        all: "All models", "모든 모델";
        earlier: "Earlier revisions", "이전 리비전";
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
