//! The rack and its devices.

texts! {
    /// The rack and its devices.
    Devices {
        queue: "{} being measured, {} waiting", "측정 중 {}, 대기 {}";
        none: "No device has joined yet.", "아직 참여한 기기가 없습니다.";
        token_first: "An agent needs a token, unless this server asks for none:", "서버가 토큰을 요구하면 먼저 만드세요:";
        join_here: "This machine joins with", "이 컴퓨터를 참여시키려면";
        join_phones: "Phones on this machine's USB join with", "USB로 연결된 폰을 참여시키려면";
        this_server: "ADDRESS-OF-THIS-SERVER", "이-서버-주소";
        progress: "Progress", "진행";
        blocks_done: "{} of {} blocks", "블록 {} / {}";
        starting: "starting", "시작하는 중";
        waiting: "{} waiting", "대기 {}";
        now: "Now", "지금";
        last_seen: "Last seen", "마지막 신호";
        in_queue: "Jobs waiting", "대기 작업";
        soc: "SoC or CPU", "SoC 또는 CPU";
        model: "Model", "모델명";
        manufacturer: "Maker", "제조사";
        system: "System", "시스템";
        kernel: "Kernel", "커널";
        architecture: "Architecture", "아키텍처";
        cpus: "CPUs", "CPU";
        online: "online", "온라인";
        possible: "possible", "가능";
        memory: "Memory", "메모리";
        available: "available", "사용 가능";
        pages: "pages of", "페이지 크기";
        fingerprint: "System fingerprint", "시스템 지문";
        runs: "Runs", "실행";
        no_runs: "Nothing has been measured here yet.", "아직 측정한 것이 없습니다.";
        clusters: "Clusters", "클러스터";
        cluster: "Cluster", "클러스터";
        no_clusters: "The device's files do not tell cores of different kinds apart.", "기기 파일만으로는 코어 종류를 구분할 수 없습니다.";
        core: "Core", "코어";
        lowest: "Lowest clock", "최저 클럭";
        highest: "Highest clock", "최고 클럭";
        capacity: "Capacity", "상대 성능";
        known_from: "Known from", "근거";
        policies: "Clocks (cpufreq)", "클럭 (cpufreq)";
        no_policies: "This device offers no cpufreq: clocks can be neither read nor pinned, so evidence stays bronze.", "cpufreq가 없어 클럭을 읽거나 고정할 수 없으므로 증거는 동 등급에 머뭅니다.";
        policy: "Policy", "정책";
        governor: "Governor", "거버너";
        current: "Now", "현재";
        hardware_bounds: "Hardware bounds", "하드웨어 범위";
        bounds: "Bounds in force", "적용 중인 범위";
        points: "Operating points", "동작점";
        can_pin: "Can be pinned", "고정 가능";
        thermal: "Temperature and cooling", "온도와 냉각";
        no_thermal: "This device shows no temperature sensors: throttling can be seen by its effect only.", "온도 센서가 없어 스로틀링은 결과로만 알 수 있습니다.";
        sensors: "Sensors", "센서";
        sensor: "Sensor", "센서";
        zone: "Zone", "영역";
        temperature: "Temperature", "온도";
        cooling: "Cooling devices", "냉각 장치";
        kind: "Kind", "종류";
        folder: "Folder", "폴더";
        cooling_state: "State", "상태";
        power: "Battery and chargers", "배터리와 충전기";
        no_power: "This device has no battery and no charger: it runs on mains.", "배터리와 충전기가 없는 기기입니다.";
        supply: "Supply", "전원";
        status: "Status", "상태";
        charge: "Charge", "충전량";
        current_flow: "Current into it", "유입 전류";
        voltage: "Voltage", "전압";
        compare_here: "compare models", "모델 비교";
        unknown: "Not known", "알 수 없는 것";
        unknown_note: "What the device's files do not answer; nothing is guessed.", "기기 파일이 답하지 않는 것. 추측하지 않습니다.";
    }
}
